import { sameJson, type Json, type JsonObject, type Op, type Shape } from "@pgcanvas/client";
import { growth } from "./points.js";

/** What makes one row the other: as little as can be said. Nothing when they are the same. */
export function diff(before: Shape, after: Shape): Op[] {
  const ops: Op[] = [];
  const grown = growth(before["points"], after["points"]);
  if (grown) ops.push({ op: "append", id: after.id, points: grown });
  const set: Record<string, Json> = {};
  const unset: string[] = [];
  compare(before, after, set, unset, "");
  if (grown) delete set["points"];
  const props: Record<string, Json> = {};
  compare(object(before["props"]), object(after["props"]), props, unset, "props.");
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
