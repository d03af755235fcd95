import { MemoryStore, Room, systemClock, type Json, type JsonObject, type Op, type Said, type Shape, type Told } from "@pgcanvas/client";
import fc from "fast-check";
import { generateKeyBetween } from "fractional-indexing";
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import type { Element } from "../src/mapping/index.js";
import { Binding } from "../src/sync/binding.js";
import { inOrder } from "../src/sync/order.js";
import { FakeEditor } from "./editor.js";
import { seeded } from "./seed.js";

const ROOM = { type: "joined", room: "r", role: "editor", epoch: "e", seq: 0, mode: "snapshot", added: [], modified: [], deleted: [], more: false };
const LIMITS = { max_frame_bytes: 2_097_152, max_ops_per_batch: 1000, max_unacknowledged: 64, max_presence_bytes: 2048 };

/** Gives every element an index above the one before it, in place and with a higher version, as the component does. */
function repair(elements: readonly Element[]): void {
  let below: string | null = null;
  elements.forEach((element, at) => {
    const last: string | null = below;
    const index = element["index"] as string | null;
    if (index === null || (last !== null && index <= last)) {
      const above = elements.slice(at + 1).map((next) => next["index"] as string | null).find((next) => next !== null && (last === null || next > last));
      Object.assign(element, { index: generateKeyBetween(last, above ?? null), version: Number(element["version"]) + 1 });
    }
    below = element["index"] as string;
  });
}

/** What every node tells of a room: all batches, in one order. */
class Log {
  readonly rows = new Map<string, Shape>();
  readonly batches: object[] = [];

  add(client: string | null, opId: number | null, ops: readonly Op[]): void {
    const seq = this.batches.length + 1;
    const changes = ops.flatMap((op) => this.change(op, seq));
    this.batches.push({ seq, by: client ?? "sql:x", client, op_id: opId, at: "2026-01-01T00:00:00Z", changes });
  }

  private change(op: Op, seq: number): object[] {
    if (op.op === "put") {
      const shape = { x: 0, y: 0, width: 9, height: 9, angle: 0, props: {}, ...op.shape, version: 1, seq } as unknown as Shape;
      this.rows.set(shape.id, shape);
      return [{ op: "put", shape }];
    }
    const row = op.op === "patch" ? this.rows.get(op.id) : undefined;
    if (op.op !== "patch" || !row) return [];
    const version = Number(row["version"]) + 1;
    this.rows.set(op.id, { ...row, ...op.set, version });
    return [{ op: "patch", id: op.id, version, set: op.set, unset: [] }];
  }
}

/** One person's page: what they draw goes out when it may, and what others drew comes in when it comes. */
class Page {
  readonly editor = new FakeEditor();
  readonly told: Op[] = [];
  private readonly out: Extract<Said, { type: "ops" }>[] = [];
  private readonly room: Room;
  private heard = 0;

  constructor(private readonly client: string, private readonly log: Log) {
    const send = (frame: Said) => (frame.type === "ops" && this.told.push(...frame.ops) ? this.out.push(frame) : 1) > 0;
    const kept = { at: undefined, shapes: [], queue: [], orphans: [], nextOpId: 1 };
    this.room = new Room("r", kept, { store: new MemoryStore(client), clock: systemClock, opsUrl: "", send, connection: () => "up" as const, stopped: () => undefined });
    this.room.up({ type: "welcome", session: client, user: { id: client, name: client }, limits: LIMITS });
    this.room.hear(ROOM as unknown as Told);
    this.editor.repair = () => repair(this.editor.list);
    this.editor.binding = new Binding(this.editor, this.room);
  }

  /** Draws something on top of all that is seen. */
  draw(id: string): void {
    const top = this.editor.list.at(-1)?.["index"] as string | undefined;
    this.editor.add({ id, type: "ellipse", x: 0, y: 0, width: 9, height: 9, angle: 0, index: generateKeyBetween(top ?? null, null), version: 1, versionNonce: 1, isDeleted: false });
  }

  colour(at: number): void {
    const seen = this.editor.list[at % Math.max(1, this.editor.list.length)];
    if (seen) this.editor.change(seen.id, { strokeColor: `#0000${String(this.told.length % 90 + 10)}` });
  }

  /** The next of what was drawn here reaches the node. */
  reach(): boolean {
    const frame = this.out.shift();
    if (frame) this.log.add(this.client, frame.op_id, frame.ops);
    return frame !== undefined;
  }

  /** The next batch of the log reaches this page. */
  hear(): boolean {
    const batch = this.log.batches[this.heard];
    if (!batch) return false;
    this.heard += 1;
    this.room.hear({ type: "changes", room: "r", from: this.heard - 1, to: this.heard, batches: [batch] } as unknown as Told);
    return true;
  }

  get order(): string[] {
    return this.editor.list.filter((element) => element["isDeleted"] !== true).map(({ id }) => id);
  }
}

const page = fc.constantFrom(0, 1, 2);
const happening = fc.oneof(
  fc.record({ what: fc.constant("draw" as const), page }),
  fc.record({ what: fc.constant("colour" as const), page, at: fc.nat(9) }),
  fc.record({ what: fc.constant("reach" as const), page }),
  fc.record({ what: fc.constant("hear" as const), page }),
  fc.record({ what: fc.constant("sql" as const), index: fc.constantFrom("a0", "a1", "a1V", "a2", "5", null) }),
  fc.record({ what: fc.constant("wait" as const), ms: fc.constantFrom(5, 20, 60) }),
);

describe("how shapes lie on each other", () => {
  beforeEach(() => {
    vi.useFakeTimers();
    vi.stubGlobal("requestAnimationFrame", (call: () => void) => setTimeout(call, 16));
    vi.stubGlobal("cancelAnimationFrame", clearTimeout);
  });
  afterEach(() => {
    vi.useRealTimers();
    vi.unstubAllGlobals();
  });

  it("is the same on every page, and as the rows say, whatever came when", () => {
    fc.assert(fc.property(fc.array(happening, { maxLength: 40 }), fc.array(fc.nat(999), { maxLength: 40 }), (happenings, ids) => {
      const log = new Log();
      const pages = ["p0", "p1", "p2"].map((client) => new Page(client, log));
      const puts = new Set<string>();
      const fresh = () => {
        const id = `${String(ids[puts.size] ?? 0).padStart(3, "0")}-${String(puts.size)}`;
        puts.add(id);
        return id;
      };
      for (const one of happenings) {
        if (one.what === "sql") log.add(null, null, [{ op: "put", shape: { id: fresh(), kind: "rectangle", index: one.index } as unknown as Shape }]);
        else if (one.what === "wait") vi.advanceTimersByTime(one.ms);
        else if (one.what === "draw") pages[one.page]?.draw(fresh());
        else if (one.what === "colour") pages[one.page]?.colour(one.at);
        else pages[one.page]?.[one.what]();
      }
      vi.advanceTimersByTime(1000);
      while (pages.some((each) => [each.reach(), each.hear()].includes(true))) vi.advanceTimersByTime(100);
      const rows = inOrder([...log.rows.values()]).map(({ id }) => id);
      expect(rows.length).toBe(puts.size);
      for (const each of pages) expect(each.order).toEqual(rows);
      const told = pages.flatMap((each) => each.told).filter((op): op is Extract<Op, { op: "patch" }> => op.op === "patch");
      expect(told.filter(({ set }) => Object.hasOwn(set as JsonObject, "index")), "what the component repaired is told").toEqual([] satisfies Json[]);
    }), seeded(200));
  });
});
