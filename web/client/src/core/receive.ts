import { idOf } from "../shape.js";
import type { Ack, Batch, Changes, Delta, Joined, Problem, Reject, Told } from "../wire.js";
import type { Board } from "./board.js";
import { applyBatch, Misfit } from "./confirmed.js";
import { longest } from "./fit.js";
import { Incoming } from "./incoming.js";
import { gathered, type Link } from "./link.js";
import type { News } from "./news.js";
import { keyOf } from "./queue.js";

/** Takes a frame in. What is of another room, or of no account to a board, brings no news; nor does anything between connections. */
export function receive(board: Board, frame: Told, nowMs: number): News[] {
  const link = board.link;
  if (!link) return [];
  if (frame.type === "error") return problem(board, link, frame, nowMs);
  if (!("room" in frame) || frame.room !== board.room) return [];
  switch (frame.type) {
    case "joined":
      return joined(board, link, frame);
    case "delta":
      return page(board, link, frame);
    case "changes":
      return changes(board, link, frame);
    case "ack":
      return ack(board, link, frame);
    case "reject":
      return reject(board, link, frame, nowMs);
    default:
      return [];
  }
}

function joined(board: Board, link: Link, frame: Joined): News[] {
  const continues = board.at?.epoch === frame.epoch && !board.doubtful;
  if (frame.mode === "delta" && !continues) return misfit(board, link);
  link.parts = undefined;
  link.joinPause.reset();
  return advance(board, link, new Incoming(frame));
}

function page(board: Board, link: Link, frame: Delta): News[] {
  // A page without its first one belongs to a join that was given up.
  if (!(link.joining instanceof Incoming)) return [];
  link.joining.gather(frame);
  return advance(board, link, link.joining);
}

function advance(board: Board, link: Link, incoming: Incoming): News[] {
  if (!incoming.whole) {
    link.joining = incoming;
    return [];
  }
  const before = board.at;
  const rewound = before !== undefined && (before.epoch !== incoming.at.epoch || before.seq > incoming.at.seq);
  const ids = incoming.apply(board.confirmed);
  board.at = incoming.at;
  board.doubtful = false;
  link.joining = "whole";
  // What was acknowledged in another history is not coming.
  const news = forget(board, board.queue.committedAt((seq) => rewound || seq <= incoming.at.seq), ids);
  board.queue.rebaseAll(board.confirmed);
  return [{ news: "joined", snapshot: incoming.snapshot, ids }, ...news, { news: "changed", ids }];
}

function changes(board: Board, link: Link, frame: Changes): News[] {
  if (link.joining !== "whole" || !board.at || frame.to <= board.at.seq) return [];
  const goesOn = !link.parts || link.parts.to === frame.to;
  if (frame.from !== board.at.seq || !goesOn) {
    link.rejoin();
    return [];
  }
  const whole = gathered(link.parts, frame);
  link.parts = frame.more ? whole : undefined;
  if (frame.more) return [];
  try {
    return told(board, whole);
  } catch (failure) {
    if (failure instanceof Misfit) return misfit(board, link);
    throw failure;
  }
}

function told(board: Board, whole: Changes): News[] {
  const news: News[] = [];
  const ids = new Set<string>();
  for (const batch of whole.batches) {
    news.push(...toldOne(board, batch));
    for (const change of batch.changes) ids.add(idOf(change));
  }
  if (board.at?.seq !== whole.to) throw new Misfit(`batches end at ${board.at?.seq}, not at ${whole.to}`);
  news.push(...forget(board, board.queue.committedAt((seq) => seq <= whole.to), ids));
  for (const id of ids) board.queue.rebase(id, board.confirmed);
  news.push({ news: "changed", ids });
  return news;
}

function toldOne(board: Board, batch: Batch): News[] {
  if (!board.at || board.at.seq + 1 !== batch.seq) throw new Misfit(`batch ${batch.seq} does not follow ${board.at?.seq}`);
  applyBatch(board.confirmed, batch);
  board.at = { ...board.at, seq: batch.seq };
  const news: News[] = [{ news: "told", batch }];
  const { client, op_id } = batch;
  if (client !== null && op_id !== null && board.queue.commit(keyOf(client, op_id), batch.seq)) {
    news.push({ news: "committed", client, op_id });
  }
  return news;
}

function ack(board: Board, link: Link, frame: Ack): News[] {
  link.inFlight.delete(frame.op_id);
  link.batchPause.reset();
  return acknowledged(board, board.client, frame.op_id, frame.seq);
}

/** A batch, of whichever client, was answered with this seq. */
export function acknowledged(board: Board, client: string, opId: number, seq: number): News[] {
  const key = keyOf(client, opId);
  const news: News[] = board.queue.commit(key, seq) ? [{ news: "committed", client, op_id: opId }] : [];
  if (!board.at || seq > board.at.seq) return news;
  const ids = new Set<string>();
  news.push(...forget(board, [key], ids));
  if (ids.size > 0) news.push({ news: "changed", ids });
  return news;
}

function reject(board: Board, link: Link, frame: Reject, nowMs: number): News[] {
  link.inFlight.delete(frame.op_id);
  if (mayBeRepeated(frame.code)) {
    link.batchPause.begin(nowMs, frame.retry_after_ms);
    return [];
  }
  link.batchPause.reset();
  return givenUp(board, board.client, frame.op_id, frame.code, frame.message);
}

/** A batch, of whichever client, will never be applied. */
export function givenUp(board: Board, client: string, opId: number, code: string, message: string): News[] {
  const key = keyOf(client, opId);
  if (board.queue.get(key)?.committed !== undefined) return [];
  const first = board.queue.get(key);
  if (!first) return [];
  // What goes on with it has nothing to go on with.
  return [first, ...board.queue.restOf(first)].flatMap((batch): News[] => {
    board.queue.remove(keyOf(client, batch.op_id), board.confirmed);
    board.link?.inFlight.delete(batch.op_id);
    return [
      { news: "settled", client, op_id: batch.op_id },
      { news: "changed", ids: new Set(batch.ops.map(idOf)) },
      { news: "rejected", rejection: { op_id: batch.op_id, code, message, batch } },
    ];
  });
}

/** The longest batch on its way will never be read: the connection ended because a frame was too long, and none was longer. */
export function tooLong(board: Board): News[] {
  const found = longest(board);
  if (!found) return [];
  const { client, op_id } = found.batch;
  return givenUp(board, client, op_id, "too_large", `ops: about ${found.bytes} bytes are more than the node reads at once`);
}

function problem(board: Board, link: Link, frame: Problem, nowMs: number): News[] {
  if (frame.code === "unsupported") return unknownVerb(board, link, frame);
  if (frame.room !== board.room) return [];
  const joins = link.joining === "asked" || link.joining instanceof Incoming;
  // A join may fail after its last page, too: between it and the first changes.
  if (!joins && !(link.joining === "whole" && mayBeRepeated(frame.code))) return [];
  if (mayBeRepeated(frame.code)) {
    link.rejoin();
    link.joinPause.begin(nowMs, frame.retry_after_ms);
    return [];
  }
  link.joining = "refused";
  return [{ news: "refused", code: frame.code, message: frame.message }];
}

/** A node of an earlier version does not know undo: what asks for it must not wait for ever. */
function unknownVerb(board: Board, link: Link, frame: Problem): News[] {
  const turns = board.unacknowledged().filter(({ verb, op_id }) => verb !== "ops" && link.inFlight.has(op_id));
  return turns.flatMap(({ client, op_id }) => {
    link.inFlight.delete(op_id);
    return givenUp(board, client, op_id, frame.code, frame.message);
  });
}

/** The copy is wrong, or the node is: all is asked for anew. */
function misfit(board: Board, link: Link): News[] {
  board.doubtful = true;
  link.rejoin();
  board.queue.rebaseAll(board.confirmed);
  return [];
}

/** Takes batches out of the queue; adds the shapes that they touched. */
function forget(board: Board, keys: readonly string[], ids: Set<string>): News[] {
  const news: News[] = [];
  for (const key of keys) {
    const batch = board.queue.remove(key, board.confirmed);
    if (!batch) continue;
    for (const op of batch.ops) ids.add(idOf(op));
    news.push({ news: "settled", client: batch.client, op_id: batch.op_id });
  }
  return news;
}

/** Codes after which the same batch, or join, may succeed. */
function mayBeRepeated(code: string): boolean {
  return code === "unavailable" || code === "rate_limited";
}
