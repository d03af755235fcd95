import { sameJson, type Json, type JsonObject, type Op, type Shape } from "@pgcanvas/client";
import { MEMBERS } from "./columns.js";
import { growth } from "./points.js";

/**
 * What makes one row the other: as little as can be said. Nothing when they are the same. The row that the room holds may be a third, where
 * the component shows something in place of what it cannot draw.
 */
export function diff(before: Shape, after: Shape, held: Shape = before): Op[] {
  const ops: Op[] = [];
  const grown = showsPoints(before, held) ? growth(before["points"], after["points"]) : undefined;
  if (grown) ops.push({ op: "append", id: after.id, points: grown });
  const set: Record<string, Json> = {};
  const unset: string[] = [];
  compare(before, after, set, unset, "");
  if (grown) delete set["points"];
  const props: Record<string, Json> = {};
  compare(object(before["props"]), object(after["props"]), props, unset, "props.");
  const covered = covering(set, held).filter((name) => !Object.hasOwn(object(after["props"]), name)).map((name) => `props.${name}`);
  unset.push(...covered.filter((name) => !unset.includes(name)));
  if (Object.keys(props).length > 0) set["props"] = props;
  if (Object.keys(set).length > 0 || unset.length > 0) {
    ops.push({ op: "patch", id: after.id, set, ...(unset.length > 0 ? { unset } : {}) });
  }
  return ops;
}

/** How a stroke that is being drawn has grown; the rest of it is told when it is done. */
export function grownPoints(before: Shape, after: Shape): Op[] {
  const points = growth(before["points"], after["points"]);
  return points ? [{ op: "append", id: after.id, points }] : [];
}

/** Whether the points that are shown are those that the room holds, and can be added to: what is shown in their place is told whole. */
function showsPoints(before: Shape, held: Shape): boolean {
  return !Object.hasOwn(object(held["props"]), "points") && axes(held) > 0 && axes(before) === axes(held);
}

/** How many numbers each point has; none where there are no points. */
function axes({ points }: Shape): number {
  const [first] = Array.isArray(points) ? (points as readonly Json[]) : [];
  return Array.isArray(first) ? first.length : 0;
}

/** What the held row has in `props` under the names of what is set: it would go on being shown instead. */
function covering(set: JsonObject, held: Shape): string[] {
  const props = object(held["props"]);
  const members = Object.keys(set).flatMap((name) => (name === "points" ? ["points", "pressures"] : (MEMBERS.get(name) ?? [])));
  return members.filter((name) => Object.hasOwn(props, name));
}

function compare(before: JsonObject, after: JsonObject, set: Record<string, Json>, unset: string[], prefix: string): void {
  for (const [name, value] of Object.entries(after)) {
    if (prefix === "" && (name === "id" || name === "props")) continue;
    if (!Object.hasOwn(before, name) || !sameJson(before[name], value)) {
      Object.defineProperty(set, name, { value, enumerable: true, writable: true, configurable: true });
    }
  }
  for (const name of Object.keys(before)) {
    if (!Object.hasOwn(after, name)) unset.push(prefix + name);
  }
}

function object(value: Json | undefined): JsonObject {
  return typeof value === "object" && value !== null && !Array.isArray(value) ? (value as JsonObject) : {};
}
