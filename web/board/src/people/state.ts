import type { JsonObject, Op } from "@pgcanvas/client";

/** A rectangle of the board: left, top, right, bottom. */
export type Box = readonly [number, number, number, number];

/** What this page tells of its person; all of it may be missing. */
export interface Told {
  readonly cursor?: readonly [number, number];
  readonly button?: "up" | "down";
  readonly tool?: "pointer" | "laser";
  readonly selection?: readonly string[];
  readonly viewport?: Box;
  readonly away?: boolean;
  /** What the person has in hand: the ops that will be sent when they let go. */
  readonly drag?: readonly Op[] | undefined;
}

/** So many selected shapes are told: a state has 2048 bytes. */
const MAX_SELECTION = 32;
/** With a drag that takes more than this, the rest is told without it; it is seen when it ends. */
const MAX_BYTES = 2000;

/** The state as it is sent: short, and without digits that nobody sees. */
export function stateOf(told: Told): JsonObject {
  const selection = told.selection?.slice(0, MAX_SELECTION);
  const text = JSON.stringify({ ...told, selection }, rounded);
  if (told.drag && new TextEncoder().encode(text).length > MAX_BYTES) return stateOf({ ...told, drag: undefined });
  return JSON.parse(text) as JsonObject;
}

/** What a peer told, as far as it is what a state holds by custom: anybody may send anything. */
export function readState(state: JsonObject): Told {
  const cursor = numbers(state["cursor"], 2) as readonly [number, number] | undefined;
  const viewport = numbers(state["viewport"], 4) as Box | undefined;
  const ids = state["selection"];
  return {
    ...(cursor ? { cursor } : {}),
    ...(viewport ? { viewport } : {}),
    button: state["button"] === "down" ? "down" : "up",
    tool: state["tool"] === "laser" ? "laser" : "pointer",
    selection: Array.isArray(ids) ? ids.filter((id) => typeof id === "string") : [],
    away: state["away"] === true,
  };
}

function rounded(_: string, value: unknown): unknown {
  return typeof value === "number" ? Math.round(value * 100) / 100 : value;
}

function numbers(value: unknown, length: number): readonly number[] | undefined {
  const fits = Array.isArray(value) && value.length === length && value.every((item) => typeof item === "number" && Number.isFinite(item));
  return fits ? (value as readonly number[]) : undefined;
}
