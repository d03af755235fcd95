import type { JsonObject, Op, Shape } from "@pgcanvas/client";
import { diff, grownPoints, toRow, type Element } from "../mapping/index.js";
import type { Shown } from "./shown.js";

/** What the room is to be told of an element that changed, by the row that it holds, and the row that the element makes. */
export function opsOf(element: Element, shown: Shown, held: Shape | undefined): { ops: Op[]; base: Shape } {
  const base = toRow(element);
  const agreed = shown.get(element.id);
  if (element["isDeleted"] === true) return { ops: agreed ? [{ op: "delete", id: element.id }] : [], base };
  if (!agreed || (!held && wroteOn(agreed.base, base))) return { ops: [{ op: "put", shape: base }], base };
  return { ops: diff(agreed.base, base, held), base };
}

/**
 * Whether somebody wrote on: what they wrote is not lost with a text that somebody else deleted meanwhile, but is a text again. One that is
 * only wrapped anew, with its box, stays deleted.
 */
function wroteOn(before: Shape, after: Shape): boolean {
  return after.kind === "text" && written(before) !== written(after);
}

/** The text as it was typed. */
function written({ text, props }: Shape): unknown {
  return (props as JsonObject | undefined)?.["originalText"] ?? text;
}

/** What the room is to be told of a stroke while it is drawn: that it is there, then its new points; how large it got follows at its end. */
export function strokeOps(element: Element, shown: Shown): Op[] {
  const agreed = shown.get(element.id);
  const row = toRow(element);
  return agreed ? grownPoints(agreed.base, row) : [{ op: "put", shape: row }];
}
