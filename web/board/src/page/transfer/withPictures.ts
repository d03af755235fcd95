import type { Element } from "../../mapping/index.js";
import { blobOf, type Pictures } from "../files/pictures.js";
import { leftOut, type LeftOut } from "./leftOut.js";
import type { Taken } from "./takeIn.js";

/**
 * The elements with their pictures taken in: named by their content, whatever they were called where they come from. A picture that no browser
 * can read is left out.
 */
export async function withPictures({ elements, left }: Taken, files: unknown, pictures: Pictures): Promise<Taken> {
  const given = new Map(Object.entries(typeof files === "object" && files !== null ? (files as object) : {}));
  const names = new Map<string, string | undefined>();
  const found: Element[] = [];
  const without: LeftOut[] = [...left];
  for (const element of elements) {
    const { fileId } = element;
    if (element.type !== "image" || typeof fileId !== "string" || !given.has(fileId)) {
      found.push(element);
      continue;
    }
    if (!names.has(fileId)) names.set(fileId, await nameOf(given.get(fileId), pictures));
    const name = names.get(fileId);
    if (name !== undefined) found.push({ ...element, fileId: name, status: "saved" });
    else without.push(leftOut(element, "its picture cannot be read"));
  }
  return { elements: found, left: without };
}

async function nameOf(file: unknown, pictures: Pictures): Promise<string | undefined> {
  const { dataURL } = (file ?? {}) as Readonly<Record<string, unknown>>;
  try {
    return typeof dataURL === "string" ? await pictures.add(blobOf(dataURL)) : undefined;
  } catch {
    return undefined;
  }
}
