import type { Op } from "@pgcanvas/client";
import { diff, grownPoints, toRow, type Element } from "../mapping/index.js";
import type { Shown } from "./shown.js";

/** What the room is to be told of an element that changed, and the row that it makes. */
export function opsOf(element: Element, shown: Shown): { ops: Op[]; base: ReturnType<typeof toRow> } {
  const base = toRow(element);
  const agreed = shown.get(element.id);
  if (element["isDeleted"] === true) return { ops: agreed ? [{ op: "delete", id: element.id }] : [], base };
  return { ops: agreed ? diff(agreed.base, base) : [{ op: "put", shape: base }], base };
}

/** What the room is to be told of a stroke while it is drawn: that it is there, then its new points; how large it got follows at its end. */
export function strokeOps(element: Element, shown: Shown): Op[] {
  const agreed = shown.get(element.id);
  const row = toRow(element);
  return agreed ? grownPoints(agreed.base, row) : [{ op: "put", shape: row }];
}
