import type { Json, JsonObject } from "./json.js";

/** One thing drawn: one row. Never changed in place, so that two looks at one shape can be compared by identity. */
export interface Shape extends JsonObject {
  readonly id: string;
  readonly kind: string;
}

/** The version of the shape that the author saw, as far as there was one: what strict rooms ask for. */
interface Based {
  readonly base?: number;
}

/** Makes a shape, or replaces it whole. */
export interface Put extends Based {
  readonly op: "put";
  readonly shape: Shape;
}

/** Changes the named properties only; `props` merges one level deep, `unset` may name `props.member`. */
export interface Patch extends Based {
  readonly op: "patch";
  readonly id: string;
  readonly set?: JsonObject;
  readonly unset?: readonly string[];
}

/** Adds points to the end. */
export interface Append extends Based {
  readonly op: "append";
  readonly id: string;
  readonly points: readonly (readonly number[])[];
}

/** Deletes a shape. */
export interface Delete extends Based {
  readonly op: "delete";
  readonly id: string;
}

/** What a client may do to one shape. */
export type Op = Put | Patch | Append | Delete;

/** What became of one shape in a batch of the server's order. */
export type Change =
  | Put
  | { readonly op: "patch"; readonly id: string; readonly version: number; readonly set: JsonObject; readonly unset: readonly string[] }
  | { readonly op: "append"; readonly id: string; readonly version: number; readonly points: readonly (readonly number[])[] }
  | Delete;

/** The members that only the server writes. */
export const SERVER_OWNED: ReadonlySet<string> = new Set(["version", "seq", "created_by", "updated_by", "created_at", "updated_at"]);

/** What a shape has though a `put` leaves it out. */
const DEFAULTS = { x: 0, y: 0, width: 0, height: 0, angle: 0, props: {} } as const satisfies JsonObject;

/** The shape that an op or change is about. */
export function idOf(op: Op | Change): string {
  return op.op === "put" ? op.shape.id : op.id;
}

/** The shape after an own op; none when it is not there (any more). */
export function replay(op: Op, shape: Shape | undefined): Shape | undefined {
  switch (op.op) {
    case "put":
      return { ...DEFAULTS, ...withoutServerOwned(op.shape), ...serverOwned(shape) } as JsonObject as Shape;
    case "patch":
      return shape && patched(shape, withoutServerOwned(op.set ?? {}), op.unset ?? []);
    case "append":
      return shape && appended(shape, op.points);
    case "delete":
      return undefined;
  }
}

/** The shape with these properties set and those gone. */
export function patched(shape: Shape, set: JsonObject, unset: readonly string[]): Shape {
  const next: Record<string, Json> = { ...shape, ...set };
  const props: Record<string, Json> = { ...object(shape["props"]), ...object(set["props"]) };
  for (const name of unset) {
    if (name.startsWith("props.")) delete props[name.slice("props.".length)];
    else delete next[name];
  }
  next["props"] = props;
  return next as unknown as Shape;
}

/** The shape with these points at its end. */
export function appended(shape: Shape, points: readonly (readonly number[])[]): Shape {
  const before = shape["points"];
  return { ...shape, points: [...(Array.isArray(before) ? before : []), ...points] };
}

function object(value: Json | undefined): JsonObject {
  return typeof value === "object" && value !== null && !Array.isArray(value) ? (value as JsonObject) : {};
}

function withoutServerOwned(given: JsonObject): JsonObject {
  return Object.fromEntries(Object.entries(given).filter(([name]) => !SERVER_OWNED.has(name)));
}

function serverOwned(shape: Shape | undefined): JsonObject {
  return Object.fromEntries(Object.entries(shape ?? {}).filter(([name]) => SERVER_OWNED.has(name)));
}
