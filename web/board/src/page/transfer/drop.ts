import type { DragEvent as ReactDragEvent } from "react";
import { addOrSay, say, type Target } from "./importFile.js";

/** Dropped anew for the component. */
const forComponent = new WeakSet<Event>();
/** Pictures that hold no scene. */
const PLAIN = /^image\/(?!png$|svg)/;

/** Between two pictures that are dropped at once. */
const ASIDE_PX = 40;

/**
 * Takes files that are dropped on the board before the component does: it would put the drawing in the place of all there is, or nothing where
 * one element cannot be read, and looks at the first file alone. A picture without a scene is dropped anew, for the component.
 */
export function takeDrop(event: ReactDragEvent, target: Target | undefined): void {
  const files = [...event.dataTransfer.files];
  const [first] = files;
  if (!first || forComponent.has(event.nativeEvent)) return;
  if (files.length === 1 && target && !target.room.viewOnly && PLAIN.test(first.type)) return;
  event.preventDefault();
  event.stopPropagation();
  if (target && !target.room.viewOnly) void takeAll(files, target, event);
}

async function takeAll(files: readonly File[], target: Target, { clientX, clientY, target: place }: ReactDragEvent): Promise<void> {
  const messages: string[] = [];
  let aside = 0;
  for (const file of files) {
    const isTaken = !PLAIN.test(file.type) && (await addOrSay(target, file, (message) => messages.push(message)));
    if (isTaken) continue;
    dropAnew(file, clientX + aside, clientY + aside, place);
    aside += ASIDE_PX;
  }
  if (messages.length > 0) say(target, messages.join(" "));
}

function dropAnew(file: File, clientX: number, clientY: number, place: EventTarget): void {
  const dataTransfer = new DataTransfer();
  dataTransfer.items.add(file);
  const again = new DragEvent("drop", { dataTransfer, clientX, clientY, bubbles: true, cancelable: true });
  forComponent.add(again);
  place.dispatchEvent(again);
}
