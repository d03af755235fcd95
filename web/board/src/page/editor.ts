import { CaptureUpdateAction, restoreElements } from "@excalidraw/excalidraw";
import type { ExcalidrawElement } from "@excalidraw/excalidraw/element/types";
import type { ExcalidrawImperativeAPI } from "@excalidraw/excalidraw/types";
import type { Element } from "../mapping/index.js";
import type { Editor } from "../sync/binding.js";
import type { EditorState } from "../sync/gesture.js";

/** The component as the binding sees it. */
export function editorOf(api: ExcalidrawImperativeAPI): Editor {
  return {
    elements: () => api.getSceneElementsIncludingDeleted() as unknown as readonly Element[],
    show: (elements) => {
      const shown = elements as unknown as readonly ExcalidrawElement[];
      rememberHeight(api, shown);
      api.updateScene({ elements: shown, captureUpdate: CaptureUpdateAction.NEVER });
    },
    state: () => api.getAppState(),
    prepare: measured,
  };
}

/**
 * Has the component's text editor take the height that a box is given now for the one to begin with: else it makes the box lower at once, down
 * to what it remembers. It looks at the box anew when its letters are not as large as they should be.
 */
function rememberHeight(api: ExcalidrawImperativeAPI, shown: readonly ExcalidrawElement[]): void {
  const { editingTextElement }: EditorState = api.getAppState();
  const id = editingTextElement?.containerId;
  const heightIn = (elements: readonly ExcalidrawElement[]) => elements.find((element) => element.id === id)?.height;
  if (!id || heightIn(shown) === heightIn(api.getSceneElementsIncludingDeleted())) return;
  const area = document.querySelector<HTMLTextAreaElement>("textarea.excalidraw-wysiwyg");
  if (area) area.style.fontSize = "0px";
}

/** A text that was written elsewhere without a size, measured: it would not be seen. */
function measured(element: Element): Element {
  if (element.type !== "text" || Number(element["width"]) > 0) return element;
  // Without any size it would be taken for a slip of the hand, and dropped.
  const sized = { ...element, width: 1, height: 1 } as unknown as ExcalidrawElement;
  const [restored] = restoreElements([sized], null, { refreshDimensions: true, repairBindings: true });
  return restored ? ({ ...element, width: restored.width, height: restored.height } as Element) : element;
}
