import { CaptureUpdateAction, loadFromBlob } from "@excalidraw/excalidraw";
import type { ExcalidrawElement } from "@excalidraw/excalidraw/element/types";
import type { ExcalidrawImperativeAPI } from "@excalidraw/excalidraw/types";
import type { Element } from "../../mapping/index.js";
import { lookAround } from "../view.js";
import { fresh } from "./fresh.js";

/** Asks for a file and adds what is drawn in it to the board, where it is looked at then. */
export function importFile(api: ExcalidrawImperativeAPI): void {
  const asking = document.createElement("input");
  asking.type = "file";
  asking.accept = ".excalidraw,.json,.png,.svg,application/json,image/png,image/svg+xml";
  asking.onchange = () => {
    const file = asking.files?.[0];
    if (file) void add(api, file);
  };
  asking.click();
}

async function add(api: ExcalidrawImperativeAPI, file: File): Promise<void> {
  const say = (message: string) => api.setToast({ message, closable: true, duration: 6000 });
  const scene = await loadFromBlob(file, null, null).catch(() => undefined);
  if (!scene || scene.elements.length === 0) {
    say("There is no drawing in this file. Drawings are .excalidraw files, and PNG or SVG that were exported with their scene.");
    return;
  }
  const present = api.getSceneElementsIncludingDeleted();
  const taken = new Set(present.map(({ id }) => id));
  const added = fresh(scene.elements as unknown as Element[], (id) => taken.has(id), freshId) as unknown as ExcalidrawElement[];
  api.addFiles(Object.values(scene.files));
  api.updateScene({ elements: [...present, ...added], captureUpdate: CaptureUpdateAction.NEVER });
  lookAround(api, added);
  say(added.length === 1 ? "1 shape was added." : `${added.length} shapes were added.`);
}

function freshId(): string {
  return [...crypto.getRandomValues(new Uint8Array(15))].map((byte) => (byte % 36).toString(36)).join("");
}
