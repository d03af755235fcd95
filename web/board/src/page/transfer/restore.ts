import { restoreElements } from "@excalidraw/excalidraw";
import type { ExcalidrawElement } from "@excalidraw/excalidraw/element/types";
import { isOrderKey, type Element } from "../../mapping/index.js";

type Restored = readonly ExcalidrawElement[];

/** What the component makes of one element of any version; none of what nobody would see. */
export function restoreOne(element: Element): Element | undefined {
  const [restored] = restoreElements([element] as unknown as Restored, null) as unknown as Element[];
  return restored?.["isDeleted"] === true ? undefined : restored;
}

/** The elements with what they say of each other mended, as far as the component can read it. */
export function repaired(elements: readonly Element[]): Element[] {
  try {
    const known = new Map((restoreElements(elements as unknown as Restored, null, { repairBindings: true }) as unknown as Element[]).map((one) => [one.id, one]));
    return elements.map((element) => known.get(element.id) ?? element);
  } catch {
    return [...elements];
  }
}

/** The elements in their order, above all that has one of these indexes. */
export function onTop(elements: readonly Element[], indexes: Iterable<unknown>): Element[] {
  let top: string | undefined;
  for (const index of indexes) if (isOrderKey(index) && (top === undefined || index > top)) top = index;
  const box = (id: string, index: string | null) => ({ id, index, type: "rectangle", x: 0, y: 0, width: 1, height: 1 });
  const boxes = [...(top === undefined ? [] : [box("", top)]), ...elements.map(({ id }) => box(id, null))];
  const placed = (restoreElements(boxes as unknown as Restored, null) as unknown as Element[]).slice(top === undefined ? 0 : 1);
  return elements.map((element, at) => ({ ...element, index: placed[at]?.["index"] ?? null }));
}

/** A name that no shape has. */
export function freshId(): string {
  return [...crypto.getRandomValues(new Uint8Array(15))].map((byte) => (byte % 36).toString(36)).join("");
}
