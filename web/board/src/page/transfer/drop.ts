import type { DragEvent as ReactDragEvent } from "react";
import { addOrSay, type Target } from "./importFile.js";

/** Dropped anew for the component. */
const forComponent = new WeakSet<Event>();
/** Pictures that hold no scene. */
const PLAIN = /^image\/(?!png$|svg)/;

/**
 * Takes a file that is dropped on the board before the component does: it would put the drawing in the place of all there is, or nothing where
 * one element cannot be read. A picture without a scene is dropped anew, for the component.
 */
export function takeDrop(event: ReactDragEvent, target: Target | undefined): void {
  const file = event.dataTransfer.files[0];
  if (!file || forComponent.has(event.nativeEvent)) return;
  if (target && !target.room.viewOnly && PLAIN.test(file.type)) return;
  event.preventDefault();
  event.stopPropagation();
  if (!target || target.room.viewOnly) return;
  const { clientX, clientY, target: place } = event;
  void addOrSay(target, file).then((isTaken) => {
    if (isTaken) return;
    const dataTransfer = new DataTransfer();
    dataTransfer.items.add(file);
    const again = new DragEvent("drop", { dataTransfer, clientX, clientY, bubbles: true, cancelable: true });
    forComponent.add(again);
    place.dispatchEvent(again);
  });
}
