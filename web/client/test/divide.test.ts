import { describe, expect, it } from "vitest";
import { Board } from "../src/core/board.js";
import { divide } from "../src/core/divide.js";
import { receive } from "../src/core/receive.js";
import type { Op, Shape } from "../src/shape.js";
import { LIMITS, type Told } from "../src/wire.js";

const ROOM = "design";

/** A board of so many shapes that have changed as often as a shape can. */
function boardOf(count: number): Board {
  const board = new Board("6f1d2a3e-0000-4000-8000-000000000001", ROOM);
  board.connected(LIMITS);
  board.outgoing(0);
  const added = Array.from({ length: count }, (_, n): Shape => ({ id: `s${n}`, kind: "text", x: 0, y: 0, width: 0, height: 0, angle: 0, props: {}, version: 1_099_511_627_776 }));
  receive(board, { type: "joined", room: ROOM, role: "editor", epoch: "e", seq: 1, mode: "snapshot", added, modified: [], deleted: [], more: false } as unknown as Told, 0);
  return board;
}

describe("what is more than a frame may hold", () => {
  it("is divided so that each frame fits, with all that is put into it", () => {
    const board = boardOf(1000);
    // The ops alone fill a frame nearly to the end.
    const text = "x".repeat(Math.floor((LIMITS.max_frame_bytes - 1024) / 1000) - 55);
    const ops = Array.from({ length: 1000 }, (_, n): Op => ({ op: "patch", id: `s${n}`, set: { text } }));
    for (const part of divide(ops, LIMITS)) board.edit(part);
    const frames = board.outgoing(0).map((frame) => new TextEncoder().encode(JSON.stringify(frame)).length);
    expect(frames.length).toBeGreaterThan(0);
    expect(Math.max(...frames)).toBeLessThanOrEqual(LIMITS.max_frame_bytes);
  });
});
