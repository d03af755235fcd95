import type { Element } from "../../mapping/index.js";
import { blobOf, type Pictures } from "../files/pictures.js";
import { leftOut, type LeftOut } from "./leftOut.js";
import type { Taken } from "./takeIn.js";

/** So many pictures are prepared and sent at a time. */
const AT_ONCE = 6;

/**
 * The elements with their pictures taken in: named by their content, whatever they were called where they come from. A picture that no browser
 * can read is left out.
 */
export async function withPictures({ elements, left }: Taken, files: unknown, pictures: Pictures): Promise<Taken> {
  const given = new Map(Object.entries(typeof files === "object" && files !== null ? (files as object) : {}));
  const fileOf = ({ type, fileId }: Element) => (type === "image" && typeof fileId === "string" && given.has(fileId) ? fileId : undefined);
  const wanted = [...new Set(elements.map(fileOf))].filter((id) => id !== undefined);
  const names = new Map<string, string | undefined>();
  for (let at = 0; at < wanted.length; at += AT_ONCE) {
    await Promise.all(wanted.slice(at, at + AT_ONCE).map(async (id) => names.set(id, await nameOf(given.get(id), pictures))));
  }
  const found: Element[] = [];
  const without: LeftOut[] = [...left];
  for (const element of elements) {
    const file = fileOf(element);
    const name = file === undefined ? undefined : names.get(file);
    if (file === undefined) found.push(element);
    else if (name === undefined) without.push(leftOut(element, "its picture cannot be read"));
    else found.push({ ...element, fileId: name, status: "saved" });
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
