import { idOf, type Op } from "../shape.js";
import type { Board } from "./board.js";
import { divide, frameBytes, type Part } from "./divide.js";
import type { News, Rejection } from "./news.js";
import { gestureOf, keyOf, type Queued } from "./queue.js";

/** The rejection of ops that no batch can carry. */
export function tooLarge(batch: Queued, reasons: readonly string[]): Rejection {
  return { op_id: batch.op_id, code: "too_large", message: reasons.join("; "), batch };
}

/**
 * Makes the queue such that the node of this connection can read it: an earlier version kept what none can, and nodes may differ. Such a batch
 * never arrived, so it is cut up under its own number and new ones, in its place, or given up.
 */
export function fit(board: Board): News[] {
  return board.unacknowledged().filter(({ verb }) => verb === "ops").flatMap((batch) => fitOne(board, batch));
}

function fitOne(board: Board, batch: Queued): News[] {
  const { parts, refused, reasons } = divide(batch.ops, board.limits);
  if (refused.length === 0 && parts.length === 1 && parts[0]?.ops.length === batch.ops.length) return [];
  const batches = parts.map((part, at) => inPlaceOf(batch, part, at, at === 0 ? batch.op_id : board.number(batch.client)));
  board.queue.replace(keyOf(batch.client, batch.op_id), batches, board.confirmed);
  const news: News[] = batches.length > 0 ? [{ news: "cut", batches }] : [{ news: "settled", client: batch.client, op_id: batch.op_id }];
  if (refused.length === 0) return news;
  return [...news, { news: "changed", ids: new Set(refused.map(idOf)) }, { news: "rejected", rejection: tooLarge({ ...batch, ops: refused }, reasons) }];
}

function inPlaceOf(batch: Queued, { ops, rest }: Part, at: number, op_id: number): Queued {
  const bases = new Map(batch.ops.flatMap((op) => (op.base === undefined ? [] : [[idOf(op), op.base] as const])));
  const based = ops.map((op): Op => {
    const base = bases.get(idOf(op));
    return base === undefined ? op : { ...op, base: base + (rest ? at : 0) };
  });
  const goesOn = at > 0 || batch.gesture !== undefined ? { gesture: gestureOf(batch) } : {};
  return { ...batch, op_id, ops: based, order: batch.order ?? batch.op_id, ...goesOn, ...(rest ? { rest } : {}) };
}

/** The batch on its way to the node that is longest, and how long its frame is. */
export function longest(board: Board): { readonly batch: Queued; readonly bytes: number } | undefined {
  let found: { batch: Queued; bytes: number } | undefined;
  for (const batch of board.unacknowledged()) {
    if (batch.client !== board.client || !board.link?.inFlight.has(batch.op_id)) continue;
    const bytes = frameBytes(batch.ops);
    if (!found || bytes > found.bytes) found = { batch, bytes };
  }
  return found;
}
