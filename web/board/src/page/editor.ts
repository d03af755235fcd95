import { CaptureUpdateAction, restoreElements } from "@excalidraw/excalidraw";
import type { ExcalidrawElement } from "@excalidraw/excalidraw/element/types";
import type { ExcalidrawImperativeAPI } from "@excalidraw/excalidraw/types";
import type { Element } from "../mapping/index.js";
import type { Editor } from "../sync/binding.js";

/** The component as the binding sees it. */
export function editorOf(api: ExcalidrawImperativeAPI): Editor {
  return {
    elements: () => api.getSceneElementsIncludingDeleted() as unknown as readonly Element[],
    show: (elements) => {
      const shown = elements as unknown as readonly ExcalidrawElement[];
      api.updateScene({ elements: shown, captureUpdate: CaptureUpdateAction.NEVER });
    },
    state: () => api.getAppState(),
    prepare: measured,
  };
}

/** A text that was written elsewhere without a size, measured: it would not be seen. */
function measured(element: Element): Element {
  if (element.type !== "text" || Number(element["width"]) > 0) return element;
  // Without any size it would be taken for a slip of the hand, and dropped.
  const sized = { ...element, width: 1, height: 1 } as unknown as ExcalidrawElement;
  const [restored] = restoreElements([sized], null, { refreshDimensions: true, repairBindings: true });
  return restored ? ({ ...element, width: restored.width, height: restored.height } as Element) : element;
}
