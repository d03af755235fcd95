import type { JsonObject } from "@pgcanvas/client";
import { arePoints } from "./points.js";

/** Whether a value is what a column takes. */
type Fits = (value: unknown) => boolean;

/** A member of an element that has a column of its own. */
export interface Column {
  /** The property's name in a row. */
  readonly name: string;
  readonly fits: Fits;
  /** Whether it can be null or left out; the geometry cannot. */
  readonly optional: boolean;
}

const MAX_COORDINATE = 1e9;
const MAX_ANGLE_RADIANS = 1e6;

const number = (least: number, most: number): Fits => (value) => typeof value === "number" && value >= least && value <= most;
const text = (mostChars: number): Fits => (value) =>
  typeof value === "string" && (value.length <= mostChars || [...value].length <= mostChars);
const id: Fits = (value) => text(128)(value) && value !== "";
const flag: Fits = (value) => typeof value === "boolean";
const groupIds: Fits = (value) => Array.isArray(value) && value.length <= 64 && value.every(id);
const index: Fits = (value) => typeof value === "string" && /^[\x21-\x7e]{1,255}$/.test(value);

const needed = (name: string, fits: Fits): Column => ({ name, fits, optional: false });
const optional = (name: string, fits: Fits): Column => ({ name, fits, optional: true });

/** The columns by the names that Excalidraw has for them. `points` goes its own way. */
export const COLUMNS: ReadonlyMap<string, Column> = new Map([
  ["x", needed("x", number(-MAX_COORDINATE, MAX_COORDINATE))],
  ["y", needed("y", number(-MAX_COORDINATE, MAX_COORDINATE))],
  ["width", needed("width", number(-MAX_COORDINATE, MAX_COORDINATE))],
  ["height", needed("height", number(-MAX_COORDINATE, MAX_COORDINATE))],
  ["angle", needed("angle", number(-MAX_ANGLE_RADIANS, MAX_ANGLE_RADIANS))],
  ["index", optional("index", index)],
  ["frameId", optional("frame_id", id)],
  ["containerId", optional("container_id", id)],
  ["groupIds", optional("group_ids", groupIds)],
  ["locked", optional("locked", flag)],
  ["strokeColor", optional("stroke_color", text(64))],
  ["backgroundColor", optional("background_color", text(64))],
  ["fillStyle", optional("fill_style", text(32))],
  ["strokeStyle", optional("stroke_style", text(32))],
  ["strokeWidth", optional("stroke_width", number(0, 1000))],
  ["roughness", optional("roughness", number(0, 100))],
  ["opacity", optional("opacity", number(0, 100))],
  ["text", optional("text", text(65_536))],
  ["fontSize", optional("font_size", number(0, 10_000))],
  ["fontFamily", optional("font_family", number(0, 1000))],
  ["fileId", optional("file_id", text(128))],
  ["link", optional("link", text(4096))],
]);

/** Excalidraw's names by the columns. */
export const MEMBERS: ReadonlyMap<string, string> = new Map([...COLUMNS].map(([member, { name }]) => [name, member]));

/** Whether all that a row says is what its columns take. */
export function rowFits(row: JsonObject): boolean {
  return Object.entries(row).every(([name, value]) => {
    const column = COLUMNS.get(MEMBERS.get(name) ?? "");
    if (column) return column.fits(value) || (value === null && column.optional);
    if (name === "points") return arePoints(value);
    return ((name === "id" || name === "kind") && typeof value === "string") || (name === "props" && typeof value === "object" && value !== null);
  });
}

/** The value of a column that must have one, for a member that does not fit: as near as it gets. */
export function nearest(member: string, value: unknown): number {
  const most = member === "angle" ? MAX_ANGLE_RADIANS : MAX_COORDINATE;
  return typeof value === "number" && Number.isFinite(value) ? Math.max(-most, Math.min(most, value)) : 0;
}
