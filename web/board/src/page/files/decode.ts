import type { BinaryFileData } from "@excalidraw/excalidraw/types";
import { inTime } from "@pgcanvas/client";

/** How long a picture may take to be decoded. */
const DECODE_MS = 30_000;

/**
 * A picture as the component takes it, decoded. The component would decode it after it has taken it, and then paint anew only the elements
 * that were there when it began: one that came or changed meanwhile would show no picture for ever. The build has it take `image`, which is
 * not listed with the rest, so that it is not written into files.
 */
export async function decodedFile(id: string, picture: Blob): Promise<BinaryFileData> {
  const dataURL = await dataUrl(picture);
  const image = await inTime(DECODE_MS, decoded(dataURL));
  const file = { id, dataURL, mimeType: picture.type || "image/png", created: Date.now() };
  return Object.defineProperty(file, "image", { value: image }) as unknown as BinaryFileData;
}

function decoded(address: string): Promise<HTMLImageElement> {
  return new Promise((resolve, reject) => {
    const image = new Image();
    image.onload = () => resolve(image);
    image.onerror = () => reject(new Error("This picture cannot be read."));
    image.src = address;
  });
}

function dataUrl(picture: Blob): Promise<string> {
  return new Promise((resolve, reject) => {
    const reader = new FileReader();
    reader.onload = () => resolve(String(reader.result));
    reader.onerror = () => reject(reader.error ?? new Error("This picture cannot be read."));
    reader.readAsDataURL(picture);
  });
}
