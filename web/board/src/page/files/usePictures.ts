import { CaptureUpdateAction } from "@excalidraw/excalidraw";
import type { ExcalidrawElement, ExcalidrawImageElement } from "@excalidraw/excalidraw/element/types";
import type { BinaryFileData, BinaryFiles, ExcalidrawImperativeAPI } from "@excalidraw/excalidraw/types";
import type { Phase, Room, Shape } from "@pgcanvas/client";
import { useEffect, useMemo } from "react";
import { keepSending, sendUnsent } from "./outbox.js";
import { blobOf, Pictures } from "./pictures.js";

/** Shows the pictures of these rows. */
export function usePictures(api: ExcalidrawImperativeAPI | undefined, shapes: Iterable<Shape>): void {
  const pictures = useLoader(api);
  useEffect(() => pictures?.want(namesIn(shapes)), [pictures, shapes]);
}

/** Shows the pictures of a room as they come, and sends those that are put on it. */
export function useRoomPictures(api: ExcalidrawImperativeAPI | undefined, room: Room): Pictures | undefined {
  const pictures = useLoader(api);
  useEffect(() => {
    if (!pictures) return undefined;
    pictures.want(namesIn(room.shapes()));
    let before: Phase | undefined;
    const live = (phase: Phase) => {
      if (phase === "live" && phase !== before) {
        void sendUnsent(pictures.refused);
        pictures.again();
      }
      before = phase;
    };
    const offs = [
      room.on("change", ({ ids }) => pictures.want(namesIn([...ids].flatMap((id) => room.shape(id) ?? [])))),
      room.on("status", ({ phase }) => live(phase)),
      keepSending(pictures.refused),
    ];
    live(room.status.phase);
    return () => offs.forEach((off) => off());
  }, [pictures, room]);
  return pictures;
}

/**
 * Takes in pictures that came by the component alone, under names of their own, which no node has: of a diagram that was made of text. Their
 * elements get the names of their content, whenever there are any: one that is seen for the second time is there for the first.
 */
export function adopt(api: ExcalidrawImperativeAPI, pictures: Pictures, elements: readonly ExcalidrawElement[], files: BinaryFiles): void {
  for (const { type, fileId, isDeleted } of elements as readonly ExcalidrawImageElement[]) {
    const file = type === "image" && !isDeleted && fileId ? files[fileId] : undefined;
    if (!file || pictures.knows(file.id)) continue;
    const name = names.get(file) ?? pictures.add(blobOf(file.dataURL)).catch(() => undefined);
    if (!names.has(file)) names.set(file, name);
    void name.then((known) => known !== undefined && rename(api, file.id, known));
  }
}

/** The names of pictures by what the component has of them; another picture under the same name is another. */
const names = new WeakMap<BinaryFileData, Promise<string | undefined>>();

function rename(api: ExcalidrawImperativeAPI, from: string, to: string): void {
  if (from === to) return;
  const all = api.getSceneElementsIncludingDeleted();
  if (!all.some((element) => element.type === "image" && element.fileId === from)) return;
  const elements = all.map((element) => {
    if (element.type !== "image" || element.fileId !== from) return element;
    const fileId = to as NonNullable<ExcalidrawImageElement["fileId"]>;
    return { ...element, fileId, version: element.version + 1, versionNonce: element.versionNonce + 1 };
  });
  api.updateScene({ elements, captureUpdate: CaptureUpdateAction.NEVER });
}

function useLoader(api: ExcalidrawImperativeAPI | undefined): Pictures | undefined {
  const pictures = useMemo(() => {
    const tell = (message: string) => api?.setToast({ message, closable: true, duration: 6000 });
    return api && new Pictures(api, tell);
  }, [api]);
  useEffect(() => () => pictures?.close(), [pictures]);
  return pictures;
}

function* namesIn(shapes: Iterable<Shape>): Iterable<string> {
  for (const { file_id } of shapes) if (typeof file_id === "string") yield file_id;
}
