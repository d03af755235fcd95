import type { ExcalidrawElement } from "@excalidraw/excalidraw/element/types";
import type { ExcalidrawImperativeAPI } from "@excalidraw/excalidraw/types";
import type { Room } from "@pgcanvas/client";
import { complete, putOps, toRow } from "../../mapping/index.js";
import { placeOf } from "../../sync/order.js";
import type { Binding } from "../../sync/binding.js";
import type { Pictures } from "../files/pictures.js";
import { lookAround } from "../view.js";
import { heldIn } from "./drawingIn.js";
import { fresh, namedFirst } from "./fresh.js";
import { told } from "./leftOut.js";
import { readLibrary } from "./libraryIn.js";
import { freshId, onTop, repaired, restoreOne } from "./restore.js";
import { storable } from "./storable.js";
import { takeIn, type Taken } from "./takeIn.js";
import { withPictures } from "./withPictures.js";

/** The board that something comes to. */
export interface Target {
  readonly api: ExcalidrawImperativeAPI;
  readonly room: Room;
  readonly binding: Binding;
  readonly pictures: Pictures;
}

/** Asks for a file and adds what is drawn in it to the board, where it is looked at then. */
export function importFile(target: Target): void {
  choose(".excalidraw,.json,.png,.svg,application/json,image/png,image/svg+xml", (file) => {
    void addOrSay(target, file).then((isTaken) => {
      if (!isTaken) say(target, "There is no drawing in this file. Drawings are .excalidraw files, and PNG or SVG that were exported with their scene.");
    });
  });
}

/** Asks for a library and adds it to the one that this browser keeps. */
export function importLibrary(target: Target): void {
  choose(".excalidrawlib,.json,application/json", (file) => {
    void addOrSay(target, file).then((isTaken) => !isTaken && say(target, "There is no library in this file."));
  });
}

/** Adds what is in a file, a drawing or a library; whether there is any. That it cannot be added, for whatever reason, is said. */
export async function addOrSay(target: Target, file: Blob, tell = (message: string) => say(target, message)): Promise<boolean> {
  try {
    return await addFile(target, file, tell);
  } catch (failure) {
    tell(`This file could not be added: ${failure instanceof Error ? failure.message : String(failure)}`);
    return true;
  }
}

async function addFile(target: Target, file: Blob, tell: (message: string) => void): Promise<boolean> {
  const held = await heldIn(file);
  if (held?.what === "drawing") tell(await addDrawing(target, takeIn(held.elements, restoreOne, freshId), held.files));
  if (held?.what === "library") {
    const { items, left } = readLibrary(held.items, restoreOne, freshId);
    await target.api.updateLibrary({ libraryItems: items, merge: true, openLibraryMenu: true, defaultStatus: "published" });
    if (left.length > 0) tell(told(undefined, left));
  }
  return held !== undefined;
}

/** Adds a drawing; gives what became of it, in words for people. */
async function addDrawing(target: Target, read: Taken, files: unknown): Promise<string> {
  const { api, room, binding, pictures } = target;
  const { elements, left } = storable(await withPictures({ ...read, elements: repaired(read.elements) }, files, pictures));
  const present = new Set(api.getSceneElementsIncludingDeleted().map(({ id }) => id));
  const isTaken = (id: string) => present.has(id) || room.shape(id) !== undefined;
  const added = onTop(fresh(elements, isTaken, freshId), [...room.shapes()].map(placeOf));
  if (added.length > 0) room.edit(namedFirst(added).map(toRow).flatMap(putOps));
  binding.refresh(added.map(({ id }) => id));
  lookAround(api, added.map(complete) as unknown as ExcalidrawElement[]);
  return told(added.length, left);
}

function choose(accept: string, chosen: (file: File) => void): void {
  const asking = document.createElement("input");
  asking.type = "file";
  asking.accept = accept;
  asking.onchange = () => {
    const file = asking.files?.[0];
    if (file) chosen(file);
  };
  asking.click();
}

/** Says something that may take a while to read. */
export function say({ api }: Target, message: string): void {
  api.setToast({ message, closable: true, duration: message.length > 100 ? 15_000 : 6000 });
}
