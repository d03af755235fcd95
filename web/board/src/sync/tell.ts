import type { Op, Shape } from "@pgcanvas/client";
import { diff, grownPoints, toRow, type Element } from "../mapping/index.js";
import type { Shown } from "./shown.js";

/** What the room is to be told of an element that changed, by the row that it holds, and the row that the element makes. */
export function opsOf(element: Element, shown: Shown, held: Shape | undefined): { ops: Op[]; base: Shape } {
  const base = toRow(element);
  const agreed = shown.get(element.id);
  if (element["isDeleted"] === true) return { ops: agreed ? [{ op: "delete", id: element.id }] : [], base };
  return { ops: agreed ? diff(agreed.base, base, held) : [{ op: "put", shape: base }], base };
}

/** What the room is to be told of a stroke while it is drawn: that it is there, then its new points; how large it got follows at its end. */
export function strokeOps(element: Element, shown: Shown): Op[] {
  const agreed = shown.get(element.id);
  const row = toRow(element);
  return agreed ? grownPoints(agreed.base, row) : [{ op: "put", shape: row }];
}
