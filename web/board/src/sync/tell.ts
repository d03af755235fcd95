import type { JsonObject, Op, Shape } from "@pgcanvas/client";
import { diff, grownPoints, toRow, type Element } from "../mapping/index.js";
import type { Shown } from "./shown.js";

/**
 * What the room is to be told of an element that changed, by the row that it holds, and the row that the element makes. `isDrawn`: it is the
 * stroke that is in hand: where somebody deleted it meanwhile, it is there again, whole.
 */
export function opsOf(element: Element, shown: Shown, held: Shape | undefined, isDrawn = false): { ops: Op[]; base: Shape } {
  const base = toRow(element);
  const agreed = shown.get(element.id);
  if (element["isDeleted"] === true) return { ops: agreed ? [{ op: "delete", id: element.id }] : [], base };
  if (!agreed || (!held && (isDrawn || wroteOn(agreed.base, base)))) return { ops: [{ op: "put", shape: base }], base };
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

/**
 * What the room is to be told of a stroke while it is drawn: that it is there, then its new points; how large it got follows at its end. Where
 * somebody deleted it, it is there again when it is drawn on.
 */
export function strokeOps(element: Element, shown: Shown, held: Shape | undefined): Op[] {
  const agreed = shown.get(element.id);
  const row = toRow(element);
  const grown = agreed && grownPoints(agreed.base, row);
  return grown && (held || grown.length === 0) ? grown : [{ op: "put", shape: row }];
}
