import { MemoryStore, Room, systemClock, type Op, type Said, type Told } from "@pgcanvas/client";
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { complete, type Element } from "../src/mapping/index.js";
import { Binding } from "../src/sync/binding.js";
import { completed } from "../src/sync/halves.js";
import { FakeEditor } from "./editor.js";

const CLIENT = "6f1d2a3e-0000-4000-8000-000000000001";
const at = { x: 0, y: 0, width: 10, height: 10, angle: 0 };

describe("rows that refer to others one way", () => {
  let editor: FakeEditor;
  let sent: Said[];
  let room: Room;
  let seq = 1;
  const ops = () => sent.flatMap((frame) => (frame.type === "ops" ? frame.ops.map(({ base: _, ...op }) => op) : [])) as Op[];
  const somebody = (...changes: object[]) => {
    seq += 1;
    const batch = { seq, by: "bob", client: null, op_id: null, at: "2026-01-01T00:00:00Z", changes };
    room.hear({ type: "changes", room: "r", from: seq - 1, to: seq, batches: [batch] } as unknown as Told);
  };

  beforeEach(() => {
    vi.useFakeTimers();
    vi.stubGlobal("requestAnimationFrame", (call: () => void) => setTimeout(call, 16));
    vi.stubGlobal("cancelAnimationFrame", clearTimeout);
    [editor, sent, seq] = [new FakeEditor(), [], 1];
    const send = (frame: Said) => sent.push(frame) > 0;
    const ties = { store: new MemoryStore(CLIENT), clock: systemClock, opsUrl: "", send, connection: () => "up" as const, stopped: () => undefined };
    room = new Room("r", { at: undefined, shapes: [], queue: [], orphans: [], nextOpId: 1 }, ties);
    const limits = { max_frame_bytes: 2_097_152, max_ops_per_batch: 1000, max_unacknowledged: 64, max_presence_bytes: 2048 };
    room.up({ type: "welcome", session: "s", user: { id: "u", name: "n" }, limits } as Extract<Told, { type: "welcome" }>);
    const box = { id: "box", kind: "rectangle", ...at, props: {}, version: 1, seq: 1 };
    room.hear({ type: "joined", room: "r", role: "editor", epoch: "e", seq: 1, mode: "snapshot", added: [box], modified: [], deleted: [], more: false });
    editor.binding = new Binding(editor, room);
    editor.binding.changed();
    vi.advanceTimersByTime(100);
  });

  afterEach(() => {
    vi.useRealTimers();
    vi.unstubAllGlobals();
  });

  it("shows what belongs together with both halves where rows say one, whatever comes first, and tells nobody", () => {
    somebody({ op: "put", shape: { id: "label", kind: "text", ...at, text: "a", container_id: "box", props: {} } });
    somebody({ op: "put", shape: { id: "arrow", kind: "arrow", ...at, props: { startBinding: { elementId: "box" }, endBinding: { elementId: "to", focus: 1, gap: 2 } } } });
    vi.advanceTimersByTime(100);
    const both = [{ id: "arrow", type: "arrow" }, { id: "label", type: "text" }];
    expect(editor.get("box")).toMatchObject({ boundElements: both });
    expect(editor.get("arrow")).toMatchObject({ startBinding: { elementId: "box", focus: 0, gap: 5 } });
    somebody({ op: "put", shape: { id: "to", kind: "ellipse", ...at, props: { boundElements: [{ id: "other", type: "text" }] } } });
    somebody({ op: "put", shape: { id: "other", kind: "text", ...at, text: "b", props: {} } });
    vi.advanceTimersByTime(100);
    expect(editor.get("to")).toMatchObject({ boundElements: [{ id: "other", type: "text" }, { id: "arrow", type: "arrow" }] });
    expect(editor.get("other")).toMatchObject({ containerId: "to" });
    editor.change("box", { x: 5 });
    vi.advanceTimersByTime(100);
    expect(ops()).toEqual([{ op: "patch", id: "box", set: { x: 5 } }]);
    somebody({ op: "delete", id: "arrow" });
    vi.advanceTimersByTime(100);
    expect(editor.get("box")).toMatchObject({ boundElements: [{ id: "label", type: "text" }], x: 5 });
    editor.change("box", { boundElements: [{ id: "label", type: "text" }, { id: "new", type: "arrow" }] });
    vi.advanceTimersByTime(100);
    expect(ops().slice(1)).toEqual([{ op: "patch", id: "box", set: { props: { boundElements: [{ id: "label", type: "text" }, { id: "new", type: "arrow" }] } } }]);
  });

  it("leaves alone what says that it belongs to nothing, and gives a box no second text", () => {
    const text = { kind: "text", x: 0, y: 0, width: 10, height: 10, angle: 0, text: "a", props: {} };
    somebody({ op: "put", shape: { ...text, id: "t1", container_id: "box" } }, { op: "put", shape: { ...text, id: "t2", container_id: "box" } });
    somebody({ op: "put", shape: { ...text, id: "free", container_id: null } });
    somebody({ op: "put", shape: { ...text, id: "holder", kind: "rectangle", props: { boundElements: [{ id: "free", type: "text" }] } } });
    vi.advanceTimersByTime(100);
    expect(editor.get("box")).toMatchObject({ boundElements: [{ id: "t1", type: "text" }] });
    expect(editor.get("free")).toMatchObject({ containerId: null });
    expect(ops()).toEqual([]);
  });

  it("are shown whole on a board of the past, too", () => {
    const [box, label] = completed([{ id: "box", kind: "diamond", ...at, props: { a: 1 } }, { id: "label", kind: "text", ...at, container_id: "box", props: {} }]);
    expect(box).toMatchObject({ props: { a: 1, boundElements: [{ id: "label", type: "text" }] } });
    expect(label).toMatchObject({ container_id: "box" });
  });

  it("are bound as the component needs it: an arrow with corners to a point of what it is bound to", () => {
    const arrow = (props: object) => complete({ id: "a", type: "arrow", ...at, points: [[0, 0], [1, 1]], ...props } as Element);
    expect(arrow({ elbowed: true, startBinding: { elementId: "box" }, endBinding: { elementId: "to", focus: 1, gap: 2, fixedPoint: [0, 1] } })).toMatchObject({
      startBinding: { elementId: "box", focus: 0, gap: 5, fixedPoint: [0.5001, 0.5001] }, endBinding: { elementId: "to", focus: 1, gap: 2, fixedPoint: [0, 1] },
    });
    expect(arrow({ startBinding: { elementId: "box", focus: "x" }, endBinding: { focus: 1, gap: 1 } })).toMatchObject({ startBinding: { elementId: "box", focus: 0, gap: 5 }, endBinding: null });
  });
});
