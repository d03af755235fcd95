import { expect } from "vitest";
import { Board } from "../src/core/board.js";
import type { News } from "../src/core/news.js";
import { receive, tooLong } from "../src/core/receive.js";
import type { Op, Shape } from "../src/shape.js";
import { SERVER_OWNED } from "../src/shape.js";
import { LIMITS, type Limits, type Said, type Told } from "../src/wire.js";

/** What must be true. */
interface Expectation {
  readonly board?: Record<string, Shape>;
  readonly confirmed?: Record<string, Shape>;
  readonly have?: number | null;
  readonly queue?: number[];
  readonly sends?: Said[];
  readonly rejected?: { op_id: number; code: string }[];
  readonly acknowledged?: number[];
  readonly live?: boolean;
}

type Step =
  | { connect: true | Partial<Limits> }
  | { disconnect: true | number }
  | { receive: Told }
  | { edit: Op[] }
  | { undo: true }
  | { redo: true }
  | { wait_ms: number }
  | { restart: number }
  | { expect: Expectation };

/** A file of the scenarios. */
export interface Scenario {
  readonly name: string;
  readonly room: string;
  readonly client: string;
  readonly steps: Step[];
}

/** One client that lives through a scenario. */
export class Story {
  private board: Board;
  private nowMs = 0;
  private sends: Said[] = [];
  private rejected: { op_id: number; code: string }[] = [];
  private acknowledged: number[] = [];

  constructor(scenario: Scenario) {
    this.board = new Board(scenario.client, scenario.room);
  }

  play(step: Step): void {
    if ("connect" in step) this.note(this.board.connected(step.connect === true ? LIMITS : step.connect));
    else if ("disconnect" in step) this.lose(step.disconnect);
    else if ("receive" in step) this.hear(step.receive);
    else if ("edit" in step) this.edit(step.edit);
    else if ("undo" in step) this.board.turn("undo");
    else if ("redo" in step) this.board.turn("redo");
    else if ("wait_ms" in step) this.nowMs += step.wait_ms;
    else if ("restart" in step) this.restart(step.restart);
    else this.check(step.expect);
    this.sends.push(...this.board.outgoing(this.nowMs));
  }

  private edit(ops: Op[]): void {
    const { refused } = this.board.edit(ops);
    if (refused) this.rejected.push({ op_id: refused.op_id, code: refused.code });
  }

  private lose(code: true | number): void {
    if (code === 1009) this.note(tooLong(this.board));
    this.board.disconnected();
  }

  private hear(frame: Told): void {
    this.note(receive(this.board, frame, this.nowMs));
  }

  private note(news: readonly News[]): void {
    for (const item of news) {
      if (item.news === "rejected") this.rejected.push({ op_id: item.rejection.op_id, code: item.rejection.code });
      if (item.news === "committed") this.acknowledged.push(item.op_id);
    }
  }

  private restart(leastOpId: number): void {
    const { shapes, ...saved } = this.board.save();
    const text = JSON.stringify({ ...saved, shapes: [...shapes] });
    this.board = Board.restored(this.board.client, this.board.room, JSON.parse(text), leastOpId);
  }

  private check(expected: Expectation): void {
    const { board } = this;
    if (expected.board) this.compare([...board.shapes()], expected.board);
    if (expected.confirmed) this.compare([...board.confirmed.values()], expected.confirmed);
    if (expected.have !== undefined) expect(board.at?.seq ?? null).toEqual(expected.have);
    if (expected.queue) expect(board.unacknowledged().map((batch) => batch.op_id)).toEqual(expected.queue);
    if (expected.sends) expect(this.sends.splice(0)).toEqual(expected.sends);
    if (expected.rejected) expect(this.rejected.splice(0)).toEqual(expected.rejected);
    if (expected.acknowledged) expect(this.acknowledged.splice(0)).toEqual(expected.acknowledged);
    if (expected.live !== undefined) expect(board.live).toEqual(expected.live);
  }

  private compare(shapes: Shape[], expected: Record<string, Shape>): void {
    const seen = Object.fromEntries(shapes.map((shape) => [shape.id, named(shape, expected[shape.id])]));
    expect(seen).toEqual(expected);
  }
}

/** The shape without those members of the server that the expectation does not name. */
function named(shape: Shape, expected: Shape | undefined): unknown {
  const kept = ([name]: [string, unknown]) => !SERVER_OWNED.has(name) || (expected && Object.hasOwn(expected, name));
  return Object.fromEntries(Object.entries(shape).filter(kept));
}
