import { describe, expect, it } from "vitest";
import { Board } from "../src/core/board.js";
import { divide } from "../src/core/divide.js";
import { receive } from "../src/core/receive.js";
import type { Op, Shape } from "../src/shape.js";
import { LIMITS, type Said, type Told } from "../src/wire.js";

const ROOM = "design";
const CLIENT = "6f1d2a3e-0000-4000-8000-000000000001";
/** A tenth of what nodes tell. */
const TIGHT = { ...LIMITS, max_frame_bytes: 209_715, max_shape_bytes: 104_857 };
const bytesOf = (value: unknown) => new TextEncoder().encode(JSON.stringify(value)).length;
const stroke = (many: number, z = 0.5) => Array.from({ length: many }, (_, at) => [Math.sin(at / 100) * 250 + 0.123456789012, Math.cos(at / 77) * 200 + 0.98765432101, z]);

/** A board of so many shapes that have changed as often as a shape can. */
function boardOf(count: number, more: object = {}, limits = TIGHT): Board {
  const board = new Board(CLIENT, ROOM);
  board.connected(limits);
  board.outgoing(0);
  const added = Array.from({ length: count }, (_, n) => ({ id: `s${n}`, kind: "text", x: 0, y: 0, width: 0, height: 0, angle: 0, props: {}, version: 1_099_511_627_776, ...more }) as Shape);
  receive(board, { type: "joined", room: ROOM, role: "editor", epoch: "e", seq: 1, mode: "snapshot", added, modified: [], deleted: [], more: false } as unknown as Told, 0);
  return board;
}

/** Whether a shape has just these points; what compares them one by one takes its time. */
const hasPoints = (board: Board, id: string, points: unknown) => JSON.stringify(board.shape(id)?.["points"]) === JSON.stringify(points);

/** Answers every batch until nothing is to be sent; gives what was sent. */
function answered(board: Board): Extract<Said, { type: "ops" }>[] {
  const sent: Extract<Said, { type: "ops" }>[] = [];
  for (let frames = board.outgoing(0); frames.length > 0; frames = board.outgoing(0)) {
    for (const frame of frames) {
      if (frame.type !== "ops") continue;
      sent.push(frame);
      receive(board, { type: "ack", room: ROOM, op_id: frame.op_id, seq: 100 + sent.length, outcomes: [] }, 0);
    }
  }
  return sent;
}

describe("what is more than a frame may hold", () => {
  it("is divided so that each frame fits, with all that is put into it", () => {
    const board = boardOf(1000, {}, LIMITS);
    // The ops alone fill a frame nearly to the end.
    const text = "x".repeat(Math.floor((LIMITS.max_frame_bytes - 1024) / 1000) - 55);
    board.edit(Array.from({ length: 1000 }, (_, n): Op => ({ op: "patch", id: `s${n}`, set: { text } })));
    const frames = board.outgoing(0).map(bytesOf);
    expect(frames.length).toBeGreaterThan(0);
    expect(Math.max(...frames)).toBeLessThanOrEqual(LIMITS.max_frame_bytes);
  });

  it("is counted in bytes as they are sent, not in letters, and numbers as a node writes them", () => {
    const wide = divide(Array.from({ length: 100 }, (_, n): Op => ({ op: "patch", id: `s${n}`, set: { text: "漢".repeat(10_000) } })), LIMITS);
    for (const { ops } of wide.parts) expect(bytesOf({ ops })).toBeLessThanOrEqual(LIMITS.max_frame_bytes - 500);
    const points = Array.from({ length: 40_000 }, () => [1e-9, 1e-9]);
    // As Rust prints it.
    const written = (op: Op) => JSON.stringify(op).replaceAll("1e-9", "0.000000001").length;
    for (const { ops } of divide([{ op: "append", id: "s0", points }], LIMITS).parts) for (const op of ops) expect(written(op)).toBeLessThanOrEqual(LIMITS.max_shape_bytes);
  });
});

describe("an op that is more than a node takes", () => {
  it("keeps its first points, and appends go on with it, as one gesture, each when the one before is there", () => {
    const board = boardOf(1, { kind: "freedraw", points: [[0, 0, 0]] });
    const points = stroke(9_000);
    const { batches, refused } = board.edit([{ op: "patch", id: "s0", set: { width: 7, points } }]);
    expect([refused, batches.length > 1]).toEqual([undefined, true]);
    expect([board.shape("s0")?.["width"], hasPoints(board, "s0", points)]).toEqual([7, true]);
    board.edit([{ op: "patch", id: "s0", set: { x: 5 } }]);
    expect(board.outgoing(0).length, "the rest waits for its beginning, and what follows for the rest").toBe(1);
    receive(board, { type: "ack", room: ROOM, op_id: 1, seq: 2, outcomes: [] }, 0);
    const sent = answered(board);
    expect(sent.map(({ op_id, gesture }) => [op_id, gesture])).toEqual([...batches.slice(1).map(({ op_id }) => [op_id, 1]), [batches.length + 1, undefined]]);
    expect(sent.map(({ ops }) => new Set(ops.map(({ base }) => base))), "each is based on the one before").toEqual(sent.map((_, at) => new Set([1_099_511_627_777 + at])));
    for (const frame of [...batches, ...sent]) for (const op of frame.ops) expect(bytesOf({ ...op, base: undefined })).toBeLessThanOrEqual(TIGHT.max_shape_bytes);
    expect(board.unacknowledged()).toEqual([]);
    expect([board.shape("s0")?.["x"], hasPoints(board, "s0", points)]).toEqual([5, true]);
  });

  it("is cut where it is new, too, and beside others", () => {
    const board = boardOf(0);
    const points = stroke(9_000);
    const box = (id: string): Op => ({ op: "put", shape: { id, kind: "rectangle", x: 1 } as unknown as Shape });
    board.edit([box("a"), { op: "put", shape: { id: "long", kind: "freedraw", points } as unknown as Shape }, box("b")]);
    const sent = answered(board);
    expect(new Set(sent.slice(1).map(({ gesture }) => gesture))).toEqual(new Set([1]));
    expect(sent.flatMap(({ ops }) => ops.flatMap((op) => (op.op === "put" ? [op.shape.id] : [])))).toEqual(["a", "long", "b"]);
    expect(hasPoints(board, "long", points)).toBe(true);
  });

  it("is refused at once, alone and by name, where there is no way to cut it", () => {
    const board = boardOf(3);
    const patch = (id: string, set: object): Op => ({ op: "patch", id, set: set as never });
    const { batches, refused } = board.edit([
      patch("s0", { x: 5 }), patch("s1", { x: 5 }), patch("s1", { props: { blob: "x".repeat(1_100_000) } }), patch("s2", { x: 5, points: stroke(100_001) }),
    ]);
    expect(batches.map(({ ops }) => ops.map((op) => "id" in op && op.id))).toEqual([["s0"]]);
    expect(refused).toMatchObject({ op_id: 0, code: "too_large", message: expect.stringMatching(/^s1: is 11\d{5} bytes.*; s2: has 100001 points/) });
    expect(["s0", "s1", "s2"].map((id) => board.shape(id)?.["x"])).toEqual([5, 0, 0]);
    expect(answered(board).length).toBe(1);
  });

  it("leaves nothing of itself behind when its beginning is refused", () => {
    const board = boardOf(1, { kind: "freedraw", points: [[0, 0, 0]] });
    const before = board.shape("s0");
    board.edit([{ op: "patch", id: "s0", set: { points: stroke(9_000) } }]);
    board.edit([{ op: "patch", id: "s0", set: { x: 3 } }]);
    board.outgoing(0);
    const news = receive(board, { type: "reject", room: ROOM, op_id: 1, code: "invalid", message: "no" }, 0);
    expect(news.flatMap((item) => (item.news === "rejected" ? [item.rejection.code] : []))).toEqual(news.filter(({ news: what }) => what === "settled").map(() => "invalid"));
    expect(board.shape("s0")).toEqual({ ...before, x: 3 });
    expect(answered(board).length).toBe(1);
  });
});

describe("a queue that an earlier version kept", () => {
  const kept = (queue: readonly { op_id: number; ops: readonly Op[] }[]) => {
    const shapes = [{ id: "s0", kind: "freedraw", points: [[0, 0, 0]], version: 4 } as unknown as Shape];
    return Board.restored(CLIENT, ROOM, { at: { epoch: "e", seq: 1 }, shapes, queue: queue.map((batch) => ({ client: CLIENT, verb: "ops", ...batch })), nextOpId: 1 }, 1000);
  };

  it("is cut up in its place where no node can read it, and all of it is stored", () => {
    const points = stroke(9_000);
    const board = kept([
      { op_id: 1, ops: [{ op: "patch", id: "s0", set: { x: 1 }, base: 4 }] },
      { op_id: 2, ops: [{ op: "patch", id: "s0", set: { points }, base: 5 }] },
      { op_id: 3, ops: [{ op: "append", id: "s0", points: [[9, 9, 9]], base: 6 }] },
    ]);
    const news = board.connected(TIGHT);
    const cut = news.flatMap((item) => (item.news === "cut" ? item.batches : []));
    expect(cut.map(({ op_id, order, gesture, rest }) => [op_id, order, gesture, rest])).toEqual([[2, 2, undefined, undefined], [1000, 2, 2, true], [1001, 2, 2, true]]);
    expect(cut.map(({ ops }) => ops[0]?.base)).toEqual([5, 6, 7]);
    const again = Board.restored(CLIENT, ROOM, JSON.parse(JSON.stringify({ ...board.save(), shapes: [...board.save().shapes], queue: [...board.queue.all()].reverse() })), 2000);
    for (const one of [board, again]) {
      one.connected(TIGHT);
      expect(answered(one).map(({ op_id }) => op_id)).toEqual([1, 2, 1000, 1001, 3]);
      expect([one.shape("s0")?.["x"], hasPoints(one, "s0", [...points, [9, 9, 9]])]).toEqual([1, true]);
    }
  });

  it("loses alone what cannot be cut", () => {
    const board = kept([
      { op_id: 1, ops: [{ op: "patch", id: "s0", set: { props: { blob: "x".repeat(2_500_000) } } }] },
      { op_id: 2, ops: [{ op: "patch", id: "s0", set: { x: 2 } }] },
    ]);
    expect(board.connected(TIGHT)).toMatchObject([
      { news: "settled", op_id: 1 }, { news: "changed", ids: new Set(["s0"]) }, { news: "rejected", rejection: { op_id: 1, code: "too_large", message: expect.stringContaining("s0: is 25") } },
    ]);
    expect(answered(board).map(({ op_id }) => op_id)).toEqual([2]);
  });

  it("is split where it is too large for this node only together", () => {
    const queue = [{ op_id: 1, ops: Array.from({ length: 40 }, (_, n): Op => ({ op: "put", shape: { id: `n${n}`, kind: "text", text: "x".repeat(1000) } })) }, { op_id: 2, ops: [{ op: "delete", id: "n3" } as const] }];
    const board = kept(queue);
    board.connected({ ...LIMITS, max_frame_bytes: 20_000 });
    const sent = answered(board);
    expect(sent.length).toBeGreaterThan(2);
    expect(Math.max(...sent.map(bytesOf))).toBeLessThanOrEqual(20_000);
    expect([sent[0]?.op_id, sent.at(-1)?.op_id]).toEqual([1, 2]);
    expect(sent.slice(1, -1).every(({ gesture }) => gesture === 1)).toBe(true);
  });
});
