import { getCommonBounds } from "@excalidraw/excalidraw";
import type { ExcalidrawElement } from "@excalidraw/excalidraw/element/types";
import type { AppState, ExcalidrawImperativeAPI } from "@excalidraw/excalidraw/types";

/** The component shows nothing smaller than this. */
const LEAST_ZOOM = 0.1;

/** What part of a board is looked at: kept when the past takes the place of the board, and back. The two are not of one size. */
export interface View {
  /** What is in the middle. */
  readonly x: number;
  readonly y: number;
  readonly zoom: AppState["zoom"];
}

/** What a component shows. */
export function viewOf({ scrollX, scrollY, zoom, width, height }: AppState): View {
  return { x: width / 2 / zoom.value - scrollX, y: height / 2 / zoom.value - scrollY, zoom };
}

/** Lets a component show it. */
export function look(api: ExcalidrawImperativeAPI, { x, y, zoom }: View): void {
  const { width, height } = api.getAppState();
  api.updateScene({ appState: { scrollX: width / 2 / zoom.value - x, scrollY: height / 2 / zoom.value - y, zoom } });
}

/** Lets a component show all of these; where they lie too far apart for that, what was changed last of them. */
export function lookAround(api: ExcalidrawImperativeAPI, elements: readonly ExcalidrawElement[] = api.getSceneElements()): void {
  if (elements.length === 0) return;
  const { width, height } = api.getAppState();
  const [left, top, right, bottom] = getCommonBounds(elements);
  const fits = (right - left) * LEAST_ZOOM <= width && (bottom - top) * LEAST_ZOOM <= height;
  const last = elements.reduce((latest, element) => (element.updated > latest.updated ? element : latest));
  api.scrollToContent(fits ? elements : last, { fitToContent: true, animate: false });
}
