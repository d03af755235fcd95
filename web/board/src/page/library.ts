import { useHandleLibrary } from "@excalidraw/excalidraw";
import type { ExcalidrawImperativeAPI, LibraryItems } from "@excalidraw/excalidraw/types";
import { readLibrary } from "./transfer/libraryIn.js";
import { freshId, restoreOne } from "./transfer/restore.js";

const KEY = "pgcanvas.library";

interface Kept {
  readonly libraryItems: LibraryItems;
}

/** Keeps the component's library in this browser: it belongs to a person, and to no room. */
export function useLibrary(api: ExcalidrawImperativeAPI | undefined): void {
  useHandleLibrary({ excalidrawAPI: api ?? null, adapter: ADAPTER });
}

/** Where the component finds its library, and puts it. What cannot be put there it says by itself. */
const ADAPTER = {
  load,
  save: (kept: Kept) => localStorage.setItem(KEY, JSON.stringify(kept)),
};

/** What cannot be read is no library; of what can, each item is read by itself. */
function load(): Kept | null {
  try {
    const kept = JSON.parse(localStorage.getItem(KEY) ?? "null") as Kept | null;
    return Array.isArray(kept?.libraryItems) ? { libraryItems: readLibrary(kept.libraryItems, restoreOne, freshId).items } : null;
  } catch {
    return null;
  }
}
