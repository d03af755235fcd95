import { idOf, type Append, type Op } from "../shape.js";
import type { Limits } from "../wire.js";

/** What a frame needs beside its ops. */
const HEAD_BYTES = 1024;
/** What each op is to get beside what it is now: the version that it is based on. */
const BASE_BYTES = `,"base":${Number.MAX_SAFE_INTEGER}`.length;
/** A node writes a number with an exponent out, digit by digit: so much longer at most. */
const EXPONENT_BYTES = 32;

const encoder = new TextEncoder();

/** One batch of a gesture. */
export interface Part {
  readonly ops: readonly Op[];
  /** Whether it goes on with an op that the part before began. */
  readonly rest: boolean;
}

/** A gesture as it can be sent. */
export interface Divided {
  readonly parts: readonly Part[];
  /** What no batch can carry: every op on these shapes. */
  readonly refused: readonly Op[];
  /** Why, shape by shape, in a sentence. */
  readonly reasons: readonly string[];
}

/**
 * The ops in as many batches as the limits ask for; one, as a rule. An op with more points than it can carry is cut: it keeps the first, and
 * appends go on with it. What cannot be cut is refused, with all else of that shape.
 */
export function divide(ops: readonly Op[], limits: Limits): Divided {
  const cuts = ops.map((op) => cut(op, limits));
  const refusedIds = new Set(ops.filter((_, at) => typeof cuts[at] === "string").map(idOf));
  const taken = cuts.filter((pieces, at) => typeof pieces !== "string" && !refusedIds.has(idOf(ops[at] as Op)));
  return {
    parts: packed(taken as Op[][], limits),
    refused: ops.filter((op) => refusedIds.has(idOf(op))),
    reasons: cuts.filter((pieces) => typeof pieces === "string"),
  };
}

/** The pieces of ops, in order, in as few batches as can be. What is cut over several batches has the later ones for itself. */
function packed(cuts: readonly Op[][], limits: Limits): Part[] {
  const parts: { ops: Op[]; rest: boolean }[] = [];
  let open: { ops: Op[]; rest: boolean } | undefined;
  let bytes = 0;
  for (const pieces of cuts) {
    for (const [at, piece] of pieces.entries()) {
      const size = sizeInFrame(piece);
      if (!open || open.ops.length >= limits.max_ops_per_batch || bytes + size > limits.max_frame_bytes) {
        open = { ops: [], rest: at > 0 };
        bytes = HEAD_BYTES;
        parts.push(open);
      }
      open.ops.push(piece);
      bytes += size;
    }
    if (open?.rest) open = undefined;
  }
  return parts;
}

/** The op in pieces that a node takes, one as a rule; a sentence where there is no way. */
function cut(op: Op, limits: Limits): Op[] | string {
  const points = pointsOf(op);
  if (points && points.length > limits.max_points_per_shape) {
    return `${idOf(op)}: has ${points.length} points, and a shape may have ${limits.max_points_per_shape}`;
  }
  const most = Math.min(limits.max_shape_bytes, limits.max_frame_bytes - HEAD_BYTES - BASE_BYTES - 1);
  const bytes = opBytes(op);
  if (bytes <= most) return [op];
  const rest: Append = { op: "append", id: idOf(op), points: [] };
  const chunks = points && chunked(points, most - opBytes(withPoints(op, [])), most - opBytes(rest));
  if (!chunks) return `${idOf(op)}: is ${bytes} bytes of JSON, and may be ${most}`;
  return chunks.map((chunk, at) => (at === 0 ? withPoints(op, chunk) : { ...rest, points: chunk }));
}

/** The points in pieces of at most so many bytes, the first and each of the others; none when one point is too much. */
function chunked(points: Append["points"], firstBytes: number, restBytes: number): Append["points"][] | undefined {
  const chunks: (readonly number[])[][] = [];
  let left = 0;
  for (const point of points) {
    const text = JSON.stringify(point);
    const size = text.length + 1 + exponentBytes(text);
    if (size > left) {
      left = chunks.length === 0 ? firstBytes : restBytes;
      if (size > left) return undefined;
      chunks.push([]);
    }
    chunks.at(-1)?.push(point);
    left -= size;
  }
  return chunks;
}

/** The points that an op brings, where it brings any. */
function pointsOf(op: Op): Append["points"] | undefined {
  const points = op.op === "append" ? op.points : op.op === "put" ? op.shape["points"] : op.op === "patch" ? op.set?.["points"] : undefined;
  return Array.isArray(points) && points.length > 0 ? (points as unknown as Append["points"]) : undefined;
}

function withPoints(op: Op, points: Append["points"]): Op {
  if (op.op === "put") return { ...op, shape: { ...op.shape, points } };
  if (op.op === "patch") return { ...op, set: { ...op.set, points } };
  return op.op === "append" ? { ...op, points } : op;
}

function sizeInFrame(op: Op): number {
  return opBytes(op) + 1 + BASE_BYTES;
}

/** How long an op is without the version that it is based on. */
function opBytes(op: Op): number {
  return bytesOf({ ...op, base: undefined });
}

/** How long JSON is, as it is sent and as a node writes it, in bytes. */
function bytesOf(value: unknown): number {
  const text = JSON.stringify(value);
  return encoder.encode(text).length + exponentBytes(text);
}

function exponentBytes(text: string): number {
  return text.includes("e") ? (text.match(/\de[+-]?\d/g)?.length ?? 0) * EXPONENT_BYTES : 0;
}

/** How long a gesture's frame is at most, in bytes. */
export function frameBytes(ops: readonly Op[]): number {
  return ops.reduce((sum, op) => sum + sizeInFrame(op), HEAD_BYTES);
}
