import { convertToExcalidrawElements } from "@excalidraw/excalidraw";
import type { ExcalidrawInitialDataState, ExcalidrawProps } from "@excalidraw/excalidraw/types";
import { complete } from "../../mapping/index.js";
import { told } from "./leftOut.js";
import type { Target } from "./importFile.js";
import { freshId, restoreOne } from "./restore.js";
import { storable } from "./storable.js";
import { takeIn } from "./takeIn.js";
import { withPictures } from "./withPictures.js";

type Pasted = Parameters<NonNullable<ExcalidrawProps["onPaste"]>>[0];
type Skeletons = Parameters<typeof convertToExcalidrawElements>[0];

/**
 * Reads what is pasted before the component does, element by element, and takes its pictures in. The component places what is left in the
 * data. Whether it is to do so.
 */
export async function takePasted(data: Pasted, { api, pictures }: Pick<Target, "api" | "pictures">): Promise<boolean> {
  if (!Array.isArray(data.elements)) return true;
  const given: readonly unknown[] = data.programmaticAPI ? converted(data.elements) : data.elements;
  const taken = storable(await withPictures(takeIn(given, restoreOne, freshId), data.files, pictures));
  const placed = data as { elements?: unknown; files?: ExcalidrawInitialDataState["files"]; programmaticAPI?: boolean };
  placed.elements = taken.elements.map(complete);
  placed.files = {};
  placed.programmaticAPI = false;
  // After the component has placed the others: it writes back what it showed before.
  if (taken.left.length > 0) setTimeout(() => api.setToast({ message: told(undefined, taken.left), closable: true, duration: 15_000 }));
  return taken.elements.length > 0;
}

/** What programs write in short, in full; one by one where not all of it can be read. */
function converted(skeletons: readonly unknown[]): readonly unknown[] {
  try {
    return convertToExcalidrawElements(skeletons as Skeletons);
  } catch {
    return skeletons.flatMap((skeleton) => {
      try {
        return convertToExcalidrawElements([skeleton] as Skeletons) as readonly unknown[];
      } catch {
        return [skeleton];
      }
    });
  }
}
