import { sameJson, type Shape } from "@pgcanvas/client";
import { complete, fromRow, toRow, type Element } from "../mapping/index.js";

/** The element that a row is shown as, in place of the one that is there. Its version rises, or the component would keep its own. */
export function painted(row: Shape, present: Element | undefined): Element {
  const version = Number(present?.["version"] ?? row["version"] ?? 0) + 1;
  const at = row["updated_at"];
  const updated = typeof at === "string" ? Date.parse(at) || Date.now() : Date.now();
  const element = complete(fromRow(row, { version, versionNonce: nonce(), updated }));
  // A row without an index stays where the component put it: a change of its colour must not lift it.
  return { ...element, index: element["index"] ?? present?.["index"] ?? null };
}

/** The element as one that is gone. */
export function erased(present: Element): Element {
  return { ...present, isDeleted: true, version: Number(present["version"] ?? 0) + 1, versionNonce: nonce(), updated: Date.now() };
}

/** Whether the element says just what the row says. */
export function says(element: Element, row: Shape): boolean {
  return sameJson(toRow(element), toRow(painted(row, element)));
}

function nonce(): number {
  return Math.floor(Math.random() * 2 ** 31);
}
