import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { Board } from "../src/core/board.js";
import { receive } from "../src/core/receive.js";
import { idOf, replay, type Change, type Op, type Shape } from "../src/shape.js";
import type { Batch, Told } from "../src/wire.js";
import { seeded } from "./seed.js";

const EPOCH = "9fcb5646-14e0-48ec-a29a-018f11c5bbc7";
const ids = fc.constantFrom("a", "b", "c");
const value = fc.integer({ min: 0, max: 9 });

const op: fc.Arbitrary<Op> = fc.oneof(
  fc.record({ id: ids, x: value }).map(({ id, x }): Op => ({ op: "put", shape: { id, kind: "rectangle", x } as unknown as Shape })),
  fc.record({ id: ids, x: value, p: value }).map(({ id, x, p }): Op => ({ op: "patch", id, set: { x, props: { p } } })),
  fc.record({ id: ids, y: value }).map(({ id, y }): Op => ({ op: "patch", id, set: { y }, unset: ["props.p"] })),
  fc.record({ id: ids, at: value }).map(({ id, at }): Op => ({ op: "append", id, points: [[at, at]] })),
  ids.map((id): Op => ({ op: "delete", id })),
);

type Step = { who: 0 | 1; ops: Op[] } | { take: 0 | 1 } | { hear: 0 | 1 } | { cut: 0 | 1 };
const who = fc.constantFrom(0 as const, 1 as const);
const step: fc.Arbitrary<Step> = fc.oneof(
  fc.record({ who, ops: fc.array(op, { minLength: 1, maxLength: 3 }) }),
  who.map((take): Step => ({ take })),
  who.map((hear): Step => ({ hear })),
  fc.oneof({ weight: 1, arbitrary: who.map((cut): Step => ({ cut })) }),
);

/** A node with its database: puts batches in order, answers each once, and tells everybody. */
class Server {
  readonly shapes = new Map<string, Shape>();
  readonly log: Batch[] = [];
  private readonly answers = new Map<string, number>();

  take(client: string, opId: number, ops: readonly Op[]): number {
    const key = `${client}/${opId}`;
    const known = this.answers.get(key);
    if (known !== undefined) return known;
    const before = new Map(this.shapes);
    for (const one of ops) {
      const next = replay(one, this.shapes.get(idOf(one)));
      if (next) this.shapes.set(next.id, next);
      else this.shapes.delete(idOf(one));
    }
    const changes = [...new Set(ops.map(idOf))].flatMap((id) => this.change(before.get(id), id));
    if (changes.length > 0) this.log.push({ seq: this.log.length + 1, by: "x", client, op_id: opId, at: "2026-01-01T00:00:00Z", changes });
    this.answers.set(key, this.log.length);
    return this.log.length;
  }

  /** Whole shapes in place of patches: what is tested here is the client's order, not the server's words. */
  private change(before: Shape | undefined, id: string): Change[] {
    const after = this.shapes.get(id);
    if (after) return [{ op: "put", shape: after }];
    return before ? [{ op: "delete", id }] : [];
  }
}

/** A client, and the frames that are on their way to it and from it. */
class Side {
  readonly board: Board;
  readonly inbox: Told[] = [];
  private readonly outbox: Told[] = [];
  private told = 0;

  constructor(index: number, private readonly server: Server) {
    this.board = new Board(`6f1d2a3e-0000-4000-8000-00000000000${index}`, "r");
    this.connect();
  }

  connect(): void {
    this.inbox.length = 0;
    this.outbox.length = 0;
    this.board.disconnected();
    this.board.connected();
    this.send();
  }

  send(): void {
    this.outbox.push(...(this.board.outgoing(0) as unknown as Told[]));
  }

  /** The server reads what was sent. */
  take(): void {
    for (const frame of this.outbox.splice(0) as unknown as { type: string; op_id: number; ops: Op[] }[]) {
      if (frame.type === "join") this.join();
      else this.inbox.push({ type: "ack", room: "r", op_id: frame.op_id, seq: this.server.take(this.board.client, frame.op_id, frame.ops), outcomes: [] });
    }
  }

  private join(): void {
    const { log, shapes } = this.server;
    this.told = log.length;
    this.inbox.push({ type: "joined", room: "r", role: "editor", epoch: EPOCH, seq: log.length, mode: "snapshot", added: [...shapes.values()], modified: [], deleted: [], more: false });
  }

  hear(): void {
    const { log } = this.server;
    if (this.inbox.some((frame) => frame.type === "joined") || this.board.live) {
      for (const batch of log.slice(this.told)) {
        this.inbox.push({ type: "changes", room: "r", from: batch.seq - 1, to: batch.seq, batches: [batch] });
      }
      this.told = log.length;
    }
    for (const frame of this.inbox.splice(0)) receive(this.board, frame, 0);
    this.send();
  }
}

describe("two clients of one board", () => {
  it("show after every step what the server has with their own gestures on top, and end alike", () => {
    fc.assert(fc.property(fc.array(step, { maxLength: 60 }), (steps) => {
      const server = new Server();
      const sides = [new Side(1, server), new Side(2, server)] as const;
      for (const one of steps) {
        if ("who" in one) {
          sides[one.who].board.edit(one.ops);
          sides[one.who].send();
        } else if ("take" in one) sides[one.take].take();
        else if ("hear" in one) sides[one.hear].hear();
        else sides[one.cut].connect();
        for (const side of sides) expect(shown(side.board)).toEqual(naive(side.board));
      }
      for (let round = 0; round < 4; round += 1) {
        for (const side of sides) {
          side.send();
          side.take();
        }
        for (const side of sides) side.hear();
      }
      for (const side of sides) {
        expect(side.board.unacknowledged()).toEqual([]);
        expect(shown(side.board)).toEqual(Object.fromEntries(server.shapes));
      }
    }), seeded());
  });
});

function shown(board: Board): Record<string, Shape> {
  return Object.fromEntries([...board.shapes()].map((shape) => [shape.id, shape]));
}

/** The same, worked out anew from the confirmed board and the queue. */
function naive(board: Board): Record<string, Shape> {
  const shapes = new Map(board.confirmed);
  for (const { ops } of board.queue.all()) {
    for (const one of ops) {
      const next = replay(one, shapes.get(idOf(one)));
      if (next) shapes.set(next.id, next);
      else shapes.delete(idOf(one));
    }
  }
  return Object.fromEntries(shapes);
}
