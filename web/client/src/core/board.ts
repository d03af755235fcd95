import { idOf, type Op, type Shape } from "../shape.js";
import { LIMITS, type Limits, type Said } from "../wire.js";
import type { At } from "./confirmed.js";
import { divide } from "./divide.js";
import { Link } from "./link.js";
import type { News, Rejection } from "./news.js";
import { byPlace, gestureOf, keyOf, Queue, type Queued } from "./queue.js";
import { fit, tooLarge } from "./fit.js";

/**
 * The least `op_id` after a restart: the time in microseconds. What is kept may be older than the last gestures that were sent, and an
 * `op_id` must never be used for two of them: the node would take the second for a repeat and drop it.
 */
export function restartOpId(nowMs: number): number {
  return Math.floor(nowMs * 1000);
}

/** What is kept of a board over the end of a page. */
export interface SavedBoard {
  readonly at: At | undefined;
  readonly shapes: Iterable<Shape>;
  readonly queue: readonly Queued[];
  readonly nextOpId: number;
}

/** What became of a gesture: its batches, and what no batch can carry, which is not on the board. */
export interface Edited {
  readonly batches: readonly Queued[];
  readonly refused?: Rejection;
}

/** One room's board as one client sees it, without a network: frames and gestures in, frames and news out. */
export class Board {
  at: At | undefined;
  /** The server's board, as far as it was told. */
  readonly confirmed = new Map<string, Shape>();
  readonly queue = new Queue();
  link: Link | undefined;
  /** The copy is not to be built upon: the next join asks for all. */
  doubtful = false;
  /** What the node of the last connection lets a client do. */
  limits: Limits = LIMITS;
  private nextOpId = 1;
  private leastOpId = 1;
  private readonly counted = new Map<string, number>();

  constructor(
    readonly client: string,
    readonly room: string,
  ) {}

  /** The board of an earlier page, which may have gone on for a while after it was saved; numbers go on from `leastOpId` at least. */
  static restored(client: string, room: string, saved: SavedBoard, leastOpId: number): Board {
    const board = new Board(client, room);
    board.at = saved.at;
    for (const shape of saved.shapes) board.confirmed.set(shape.id, shape);
    for (const batch of [...saved.queue].sort(byPlace)) board.queue.push(batch, board.confirmed);
    board.leastOpId = leastOpId;
    board.nextOpId = Math.max(saved.nextOpId, leastOpId);
    return board;
  }

  /** What is to be kept over the end of the page. */
  save(): SavedBoard {
    const at = this.doubtful ? undefined : this.at;
    return { at, shapes: this.confirmed.values(), queue: this.queue.all(), nextOpId: this.nextOpId };
  }

  /**
   * One gesture: on the board at once, and in the queue until the server's board contains it. It takes as many batches as the limits ask for;
   * what none can carry is refused.
   */
  edit(ops: readonly Op[], gesture?: number): Edited {
    const { parts, refused, reasons } = divide(ops, this.limits);
    let first = gesture;
    const batches = parts.map(({ ops: part, rest }) => {
      const batch = this.draw(part, first, rest);
      first ??= batch.op_id;
      return batch;
    });
    return { batches, ...(refused.length > 0 ? { refused: tooLarge({ client: this.client, op_id: 0, verb: "ops", ops: refused }, reasons) } : {}) };
  }

  private draw(ops: readonly Op[], gesture: number | undefined, rest: boolean): Queued {
    const based = ops.map((op) => this.based(op));
    const head = { client: this.client, op_id: this.nextOpId++, verb: "ops", ops: based } as const;
    return this.push({ ...head, ...(gesture === undefined ? {} : { gesture }), ...(rest ? { rest } : {}) });
  }

  /** The op with the version that its author sees: the server's, and one more for each batch that is not part of it yet. */
  private based(op: Op): Op {
    const id = idOf(op);
    if (op.base !== undefined || !this.shape(id)) return op;
    return { ...op, base: Number(this.confirmed.get(id)?.["version"] ?? 0) + this.queue.depth(id) };
  }

  /** A number that no batch has had or will have: of this client, or of one that is gone, which this one counts on for. */
  number(client = this.client): number {
    if (client === this.client) return this.nextOpId++;
    const next = this.counted.get(client) ?? this.leastOpId;
    this.counted.set(client, next + 1);
    return next;
  }

  /** Asks the server to take the last own gesture back, or to do it again. */
  turn(verb: "undo" | "redo"): Queued {
    return this.push({ client: this.client, op_id: this.nextOpId++, verb, ops: [] });
  }

  /** Looks after a batch of a client that is gone; who sends it is not this board's business, its answer is. */
  adopt(batch: Queued): void {
    this.push(batch);
  }

  private push(batch: Queued): Queued {
    this.queue.push(batch, this.confirmed);
    return batch;
  }

  /**
   * A socket stands and was welcomed. What the node could not read is cut up or given up. `holds`: nothing is sent before {@link release}, for
   * whoever connects may be let in no more.
   */
  connected(told: Partial<Limits> = {}, holds = false): News[] {
    this.limits = { ...LIMITS, ...told };
    this.link = new Link(Math.max(1, this.limits.max_unacknowledged), holds);
    return fit(this);
  }

  /** This client may draw: what was held back is sent. */
  release(): void {
    if (this.link) this.link.holds = false;
  }

  /** The socket is gone, and with it what was on its way. */
  disconnected(): void {
    this.link = undefined;
  }

  /** What is to be sent now: each batch once a connection, a join once a cause. */
  outgoing(nowMs: number): Said[] {
    const link = this.link;
    if (!link) return [];
    const frames: Said[] = [];
    if (link.joining === "wanted" && link.joinPause.isOver(nowMs)) {
      frames.push(this.joinFrame());
      link.joining = "asked";
    }
    if (link.batchPause.isOver(nowMs)) {
      for (const batch of this.sendable(link)) {
        link.inFlight.add(batch.op_id);
        frames.push(this.batchFrame(batch));
      }
    }
    return frames;
  }

  /** When {@link outgoing} is to be asked again though nothing happens. */
  wakeAtMs(): number | undefined {
    const link = this.link;
    if (!link) return undefined;
    const times: number[] = [];
    if (link.joining === "wanted") times.push(link.joinPause.untilMs);
    if (this.sendable(link).length > 0) times.push(link.batchPause.untilMs);
    return times.length > 0 ? Math.min(...times) : undefined;
  }

  private sendable(link: Link): Queued[] {
    const found: Queued[] = [];
    const open = new Set<number>();
    for (const batch of link.holds ? [] : this.queue.unacknowledged()) {
      if (link.inFlight.size + found.length >= link.window) break;
      if (batch.client !== this.client) continue;
      // It goes on with what is not there yet; what is behind it must not overtake it.
      if (batch.rest && open.has(gestureOf(batch))) break;
      open.add(gestureOf(batch));
      if (!link.inFlight.has(batch.op_id)) found.push(batch);
    }
    return found;
  }

  private joinFrame(): Said {
    const known = this.at && !this.doubtful ? { since: this.at.seq, epoch: this.at.epoch } : {};
    return { type: "join", room: this.room, ...known };
  }

  private batchFrame(batch: Queued): Said {
    const head = { room: this.room, op_id: batch.op_id };
    if (batch.verb !== "ops") return { type: batch.verb, ...head };
    return { type: "ops", ...head, ops: batch.ops, ...(batch.gesture === undefined ? {} : { gesture: batch.gesture }) };
  }

  /** A shape as it is shown: the server's, with what is on its way to it. */
  shape(id: string): Shape | undefined {
    return this.queue.touches(id) ? this.queue.shown(id) : this.confirmed.get(id);
  }

  /** Every shape as it is shown, in no order. */
  *shapes(): Generator<Shape> {
    for (const shape of this.confirmed.values()) if (!this.queue.touches(shape.id)) yield shape;
    for (const id of this.queue.touched()) {
      const shape = this.queue.shown(id);
      if (shape) yield shape;
    }
  }

  /** The batches not known to be committed, in order. */
  unacknowledged(): Queued[] {
    return [...this.queue.unacknowledged()];
  }

  /** Whether a socket stands and the join is whole. */
  get live(): boolean {
    return this.link?.joining === "whole";
  }

  /** The name under which a batch of this client is queued. */
  key(opId: number): string {
    return keyOf(this.client, opId);
  }
}
