import type { LibraryItems } from "@excalidraw/excalidraw/types";
import { complete } from "../../mapping/index.js";
import type { LeftOut } from "./leftOut.js";
import { storable } from "./storable.js";
import { takeIn, type Restore } from "./takeIn.js";

/** The items of a library, of any version, with what can be read of each; one of which nothing can is left out. */
export function readLibrary(given: readonly unknown[], restore: Restore, newId: () => string): { items: LibraryItems; left: readonly LeftOut[] } {
  const items: unknown[] = [];
  const left: LeftOut[] = [];
  for (const item of given) {
    const { elements = item, ...more } = (typeof item === "object" && item !== null && !Array.isArray(item) ? item : { elements: item }) as { elements?: unknown };
    const taken = storable(takeIn(Array.isArray(elements) ? elements : [elements], restore, newId));
    left.push(...taken.left);
    const drawn = taken.elements.map(complete);
    if (drawn.length > 0) items.push({ id: newId(), status: "published", created: Date.now(), ...more, elements: drawn });
  }
  return { items: items as LibraryItems, left };
}
