/** The part of the component's state by which a gesture is known. */
export interface EditorState {
  readonly cursorButton: "up" | "down";
  readonly newElement: { readonly id: string; readonly type: string } | null;
  readonly multiElement: { readonly id: string } | null;
  readonly resizingElement: { readonly id: string } | null;
  /** The picture that was chosen and not placed yet: the component keeps it among the elements, without a size. */
  readonly pendingImageElementId: string | null;
  readonly editingTextElement: { readonly id: string; readonly containerId?: string | null } | null;
  readonly editingLinearElement: { readonly elementId: string } | null;
  readonly selectedElementIds: Readonly<Record<string, true>>;
  readonly selectedElementsAreBeingDragged: boolean;
  readonly isResizing: boolean;
  readonly isRotating: boolean;
  readonly isCropping: boolean;
}

/** What a person is in the middle of. */
export type Gesture =
  /** Nothing: what changes is told soon. */
  | "none"
  /** A stroke: its points are told as they come. */
  | "stroke"
  /** Writing: told whenever the fingers rest, so that undo goes back by phrases. */
  | "text"
  /** A drag, a shape being pulled open, a line set point by point, a picture being placed: told as one batch when it is done, and undone as one. */
  | "drag";

/** What the person is in the middle of. */
export function gestureOf(state: EditorState): Gesture {
  if (state.newElement?.type === "freedraw") return "stroke";
  if (state.cursorButton === "down" || state.newElement || state.multiElement || state.pendingImageElementId) return "drag";
  if (state.editingTextElement) return "text";
  return "none";
}

/** Whether the person is drawing something that was not there: a shape that is pulled open, a stroke, a line set point by point. */
export function drawsNew({ newElement, multiElement }: Pick<EditorState, "newElement" | "multiElement">): boolean {
  return newElement !== null || multiElement !== null;
}

/** The elements that the person has in hand: replacing one now would tear it from under them. */
export function inHand(state: EditorState): Set<string> {
  const ids = new Set<string>();
  for (const element of [state.newElement, state.multiElement, state.resizingElement, state.editingTextElement]) {
    if (element) ids.add(element.id);
  }
  if (state.pendingImageElementId) ids.add(state.pendingImageElementId);
  if (state.editingLinearElement) ids.add(state.editingLinearElement.elementId);
  const moves = state.selectedElementsAreBeingDragged || state.isResizing || state.isRotating || state.isCropping;
  if (moves && state.cursorButton === "down") for (const id of Object.keys(state.selectedElementIds)) ids.add(id);
  return ids;
}
