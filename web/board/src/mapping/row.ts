import type { Json, Shape } from "@pgcanvas/client";
import { COLUMNS, MEMBERS, nearest } from "./columns.js";
import { TRANSPORT, type Element } from "./element.js";
import { fromPoints, toPoints } from "./points.js";
import { scrub } from "./scrub.js";

/** How the copy of an element that is made of a row is to travel. */
export interface Passport {
  readonly version: number;
  readonly versionNonce: number;
  readonly updated: number;
}

/**
 * The row of an element. What has a column and fits it goes there; everything else, known here or not, goes to `props` under Excalidraw's
 * own name, also a value that its column cannot hold. What is absent stays absent and null stays null.
 */
export function toRow(element: Element): Shape {
  const row: Record<string, Json> = { id: element.id, kind: element.type };
  const props: Record<string, Json> = {};
  const path = toPoints(element["points"], element["pressures"]);
  for (const [name, member] of Object.entries(element)) {
    if (name === "id" || name === "type" || TRANSPORT.has(name)) continue;
    if (name === "points" && path) row["points"] = scrub(path.points) ?? [];
    else if (name === "pressures" && path?.holdsPressures) continue;
    else place(row, props, name, scrub(member));
  }
  return { ...row, props } as unknown as Shape;
}

function place(row: Record<string, Json>, props: Record<string, Json>, name: string, value: Json | undefined): void {
  if (value === undefined) return;
  const column = COLUMNS.get(name);
  if (column && (column.fits(value) || (value === null && column.optional))) {
    row[column.name] = value;
    return;
  }
  if (column && !column.optional) row[column.name] = nearest(name, value);
  Object.defineProperty(props, name, { value, enumerable: true, writable: true, configurable: true });
}

/** The element of a row, exactly: nothing that the row does not say. */
export function fromRow(row: Shape, passport: Passport): Element {
  const element: Record<string, unknown> = { id: row.id, type: row.kind };
  for (const [name, value] of Object.entries(row)) {
    const member = MEMBERS.get(name);
    if (member) element[member] = value;
    else if (name === "points") Object.assign(element, fromPoints(value));
  }
  const props = row["props"];
  if (typeof props === "object" && props !== null) {
    for (const [name, value] of Object.entries(props)) {
      if (!TRANSPORT.has(name) && name !== "id" && name !== "type") {
        Object.defineProperty(element, name, { value, enumerable: true, writable: true, configurable: true });
      }
    }
  }
  return { ...element, ...passport, isDeleted: false } as unknown as Element;
}
