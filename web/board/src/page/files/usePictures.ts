import { CaptureUpdateAction } from "@excalidraw/excalidraw";
import type { ExcalidrawImageElement } from "@excalidraw/excalidraw/element/types";
import type { BinaryFiles, ExcalidrawImperativeAPI } from "@excalidraw/excalidraw/types";
import type { Room, Shape } from "@pgcanvas/client";
import { useEffect, useMemo } from "react";
import { sendUnsent } from "./outbox.js";
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
    const offs = [
      room.on("change", ({ ids }) => pictures.want(namesIn([...ids].flatMap((id) => room.shape(id) ?? [])))),
      room.on("status", ({ phase }) => phase === "live" && void sendUnsent()),
    ];
    void sendUnsent();
    return () => offs.forEach((off) => off());
  }, [pictures, room]);
  return pictures;
}

/**
 * Takes in pictures that came with what was pasted or dropped: under names of their own, which no node has. The elements get the names of
 * their content.
 */
export function adopt(api: ExcalidrawImperativeAPI, pictures: Pictures, files: BinaryFiles): void {
  for (const file of Object.values(files)) {
    if (pictures.knows(file.id) || adopting.has(file.id)) continue;
    adopting.add(file.id);
    void pictures
      .add(blobOf(file.dataURL))
      .then((name) => rename(api, file.id, name))
      .catch(() => undefined);
  }
}

const adopting = new Set<string>();

function rename(api: ExcalidrawImperativeAPI, from: string, to: string): void {
  if (from === to) return;
  const elements = api.getSceneElementsIncludingDeleted().map((element) => {
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
