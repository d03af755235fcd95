import type { AppState, ExcalidrawImperativeAPI } from "@excalidraw/excalidraw/types";

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
