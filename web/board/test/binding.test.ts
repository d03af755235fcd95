import { idOf, MemoryStore, Room, systemClock, type Op, type Said, type Told } from "@pgcanvas/client";
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { Binding } from "../src/sync/binding.js";
import { FakeEditor, IDLE } from "./editor.js";

const CLIENT = "6f1d2a3e-0000-4000-8000-000000000001";

describe("the component and the room", () => {
  let editor: FakeEditor;
  let room: Room;
  let sent: Said[];
  let handed: (readonly Op[])[];
  let seq = 0;
  // On which version each is based is the client's business, and tested there.
  const ops = () => sent.flatMap((frame) => (frame.type === "ops" ? frame.ops.map(({ base: _, ...op }) => op) : [])) as Op[];
  const batches = () => sent.filter((frame) => frame.type === "ops").length;
  const hear = (frame: object) => room.hear(frame as Told);
  const happens = (batch: object) => {
    seq += 1;
    hear({ type: "changes", room: "r", from: seq - 1, to: seq, batches: [{ seq, by: "bob", client: null, op_id: null, at: "2026-01-01T00:00:00Z", ...batch }] });
  };
  const somebody = (...changes: object[]) => happens({ changes });
  const committed = (op_id: number, ...changes: object[]) => happens({ by: "ann", client: CLIENT, op_id, changes });

  beforeEach(() => {
    vi.useFakeTimers();
    vi.stubGlobal("requestAnimationFrame", (call: () => void) => setTimeout(call, 16));
    vi.stubGlobal("cancelAnimationFrame", clearTimeout);
    [editor, sent, seq] = [new FakeEditor(), [], 1];
    const kept = { at: undefined, shapes: [], queue: [], orphans: [], nextOpId: 1 };
    const send = (frame: Said) => sent.push(frame) > 0;
    const ties = { store: new MemoryStore(CLIENT), clock: systemClock, opsUrl: "", send, connection: () => "up" as const, stopped: () => undefined };
    room = new Room("r", kept, ties);
    const limits = { max_frame_bytes: 2_097_152, max_ops_per_batch: 1000, max_unacknowledged: 64, max_presence_bytes: 2048 };
    room.up({ type: "welcome", session: "s", user: { id: "u", name: "n" }, limits });
    const box = { id: "box", kind: "rectangle", x: 0, y: 0, width: 10, height: 10, angle: 0, props: {}, version: 1, seq: 1, created_by: "sql:x" };
    hear({ type: "joined", room: "r", role: "editor", epoch: "e", seq: 1, mode: "snapshot", added: [box], modified: [], deleted: [], more: false });
    handed = [];
    editor.binding = new Binding(editor, room, (told) => handed.push(told));
    editor.binding.changed();
    vi.advanceTimersByTime(100);
  });

  afterEach(() => {
    vi.useRealTimers();
    vi.unstubAllGlobals();
  });

  it("shows a row that says hardly anything, and writes nothing back", () => {
    expect(editor.get("box")).toMatchObject({ type: "rectangle", strokeColor: "#1e1e1e", isDeleted: false });
    vi.advanceTimersByTime(5000);
    expect(ops()).toEqual([]);
  });

  it("shows a row that cannot be drawn as it is, keeps it, and writes the person's change alone", () => {
    const odd = { id: "odd", kind: "frame", index: "5", x: 0, y: 0, width: 10, height: 10, angle: 0, props: { name: {}, boundElements: 5 } };
    somebody({ op: "put", shape: odd });
    vi.advanceTimersByTime(1000);
    expect(editor.get("odd")).toMatchObject({ index: null, name: null, boundElements: null });
    editor.change("odd", { x: 5 });
    vi.advanceTimersByTime(1000);
    expect(ops()).toEqual([{ op: "patch", id: "odd", set: { x: 5 } }]);
    expect(room.shape("odd")).toMatchObject({ ...odd, x: 5 });
  });

  it("tells the whole path of a line that is drawn on from what was shown in place of none", () => {
    somebody({ op: "put", shape: { id: "odd", kind: "line", x: 0, y: 0, width: 10, height: 10, angle: 0, points: [], props: {} } });
    vi.advanceTimersByTime(1000);
    const points = [[0, 0], [10, 10], [20, 0]];
    editor.change("odd", { points });
    vi.advanceTimersByTime(1000);
    expect(ops()).toEqual([{ op: "patch", id: "odd", set: { points } }]);
    expect(editor.get("odd")).toMatchObject({ points });
  });

  it("shows what others have in hand as it shows rows: as something that can be drawn", () => {
    const drag = (told: Op) => {
      editor.binding?.watch(new Map([["odd", told]]));
      vi.advanceTimersByTime(1000);
    };
    drag({ op: "put", shape: { id: "odd", kind: "constructor", index: "!!", width: 1e6, fill_style: "hachure", props: { groupIds: 5 } } });
    expect(editor.get("odd")).toMatchObject({ type: "rectangle", index: null, fillStyle: "solid", groupIds: [] });
    drag({ op: "put", shape: { id: "odd", kind: "line", points: [], props: { index: {} } } });
    expect(editor.get("odd")).toMatchObject({ type: "line", index: null, points: [[0, 0], [0, 0]] });
    editor.binding?.watch(new Map());
    vi.advanceTimersByTime(1000);
    expect([editor.get("odd"), ops()]).toEqual([undefined, []]);
  });

  it("raises the version when the server's row is another", () => {
    const before = Number(editor.get("box")?.["version"]);
    somebody({ op: "patch", id: "box", version: 2, set: { stroke_color: "#e03131" }, unset: [] });
    vi.advanceTimersByTime(50);
    expect(editor.get("box")).toMatchObject({ strokeColor: "#e03131" });
    expect(Number(editor.get("box")?.["version"])).toBeGreaterThan(before);
  });

  it("leaves a row without an index where it lies when it changes", () => {
    editor.list = editor.list.map((element) => ({ ...element, index: "a0" }));
    editor.show(editor.list);
    somebody({ op: "patch", id: "box", version: 2, set: { stroke_color: "#e03131" }, unset: [] });
    vi.advanceTimersByTime(50);
    expect(editor.get("box")).toMatchObject({ strokeColor: "#e03131", index: "a0" });
    expect(ops()).toEqual([]);
  });

  it("sends a drag as one batch, of what the person changed alone, and does not tear the shape from under them", () => {
    const drag = { cursorButton: "down", selectedElementsAreBeingDragged: true, selectedElementIds: { box: true } } as const;
    editor.be(drag);
    for (let x = 1; x <= 20; x += 1) editor.change("box", { x });
    somebody({ op: "patch", id: "box", version: 2, set: { y: 77, stroke_color: "#2f9e44" }, unset: [] });
    vi.advanceTimersByTime(1000);
    expect([batches(), editor.get("box")?.["x"], editor.get("box")?.["y"]]).toEqual([0, 20, 0]);
    editor.be({});
    vi.advanceTimersByTime(100);
    expect(ops()).toEqual([{ op: "patch", id: "box", set: { x: 20 } }]);
    expect(editor.get("box")).toMatchObject({ x: 20, y: 77, strokeColor: "#2f9e44" });
  });

  it("shows others what is dragged while it lasts, and sends it once, when it is let go", () => {
    editor.be({ cursorButton: "down", selectedElementsAreBeingDragged: true, selectedElementIds: { box: true } });
    for (const x of [1, 2, 3]) editor.change("box", { x });
    expect(handed).toEqual([1, 2, 3].map((x) => [{ op: "patch", id: "box", set: { x } }]));
    expect(ops()).toEqual([]);
    editor.be({});
    vi.advanceTimersByTime(100);
    expect([handed.length, handed.at(-1)]).toEqual([4, []]);
    expect(ops()).toEqual([{ op: "patch", id: "box", set: { x: 3 } }]);
  });

  it("shows others what is pulled open once it has a size", () => {
    editor.be({ cursorButton: "down", newElement: { id: "n", type: "ellipse" } });
    editor.add({ id: "n", type: "ellipse", x: 0, y: 0, width: 0, height: 0, angle: 0, version: 1, versionNonce: 1, isDeleted: false });
    expect(handed).toEqual([]);
    editor.change("n", { width: 30, height: 20 });
    expect(handed).toMatchObject([[{ op: "put", shape: { id: "n", width: 30 } }]]);
    editor.change("n", { isDeleted: true });
    editor.be({});
    vi.advanceTimersByTime(100);
    expect([handed.at(-1), ops()]).toEqual([[], []]);
  });

  it("tells of a picture when it is placed and has its file, as one gesture", () => {
    editor.now = { ...IDLE, pendingImageElementId: "i" };
    editor.add({ id: "i", type: "image", x: 500, y: 300, width: 0, height: 0, angle: 0, fileId: null, version: 1, versionNonce: 1, isDeleted: false });
    vi.advanceTimersByTime(1000);
    somebody({ op: "patch", id: "box", version: 2, set: { x: 44 }, unset: [] });
    editor.binding?.press(true);
    editor.be({ cursorButton: "down", newElement: { id: "i", type: "image" } });
    editor.change("i", { x: 20, y: 30, width: 100, height: 100 });
    editor.be({});
    editor.binding?.press(false);
    vi.advanceTimersByTime(1000);
    expect([editor.get("box")?.["x"], ops()]).toEqual([44, []]);
    editor.change("i", { fileId: "f", width: 64, height: 48 });
    vi.advanceTimersByTime(100);
    expect(ops()).toMatchObject([{ op: "put", shape: { id: "i", x: 20, width: 64, file_id: "f" } }]);
    expect(handed.flat()).toEqual([]);
  });

  it("tells of no picture without a size, though another tool or another picture was chosen before it was placed", () => {
    const picture = { type: "image", x: 5, y: 5, width: 0, height: 0, angle: 0, fileId: "f", version: 1, versionNonce: 1, isDeleted: false };
    editor.now = { ...IDLE, pendingImageElementId: "first" };
    editor.add({ id: "first", ...picture });
    editor.be({ pendingImageElementId: "second" });
    editor.add({ id: "second", ...picture });
    editor.be({ cursorButton: "down", newElement: { id: "r", type: "rectangle" } });
    editor.add({ id: "r", type: "rectangle", x: 0, y: 0, width: 9, height: 9, angle: 0, version: 1, versionNonce: 1, isDeleted: false });
    editor.be({});
    vi.advanceTimersByTime(1000);
    expect(ops()).toMatchObject([{ op: "put", shape: { id: "r" } }]);
    editor.change("second", { width: 64, height: 48 });
    vi.advanceTimersByTime(1000);
    expect(ops()).toMatchObject([{ op: "put", shape: { id: "r" } }, { op: "put", shape: { id: "second", width: 64 } }]);
  });

  it("shows what others have in hand, writes none of it back, and is as before when they let go of it without a word", () => {
    editor.binding?.watch(new Map<string, Op>([["box", { op: "patch", id: "box", set: { x: 44 } }], ["n", { op: "put", shape: { id: "n", kind: "ellipse", width: 9, height: 9 } }]]));
    vi.advanceTimersByTime(50);
    expect([editor.get("box")?.["x"], editor.get("n")?.["width"]]).toEqual([44, 9]);
    somebody({ op: "patch", id: "box", version: 2, set: { stroke_color: "#2f9e44" }, unset: [] });
    vi.advanceTimersByTime(50);
    expect(editor.get("box")).toMatchObject({ x: 44, strokeColor: "#2f9e44" });
    editor.change("box", { y: 7 });
    vi.advanceTimersByTime(100);
    expect(ops()).toEqual([{ op: "patch", id: "box", set: { y: 7 } }]);
    editor.binding?.watch(new Map());
    vi.advanceTimersByTime(100);
    expect([editor.get("box")?.["x"], editor.get("box")?.["y"], editor.get("n")]).toEqual([0, 7, undefined]);
    expect(ops().length).toBe(1);
  });

  it("does not flinch when what others had in hand is told by the room", () => {
    editor.binding?.watch(new Map<string, Op>([["box", { op: "patch", id: "box", set: { x: 44 } }]]));
    vi.advanceTimersByTime(50);
    const version = editor.get("box")?.["version"];
    somebody({ op: "patch", id: "box", version: 2, set: { x: 44 }, unset: [] });
    vi.advanceTimersByTime(50);
    editor.binding?.watch(new Map());
    vi.advanceTimersByTime(50);
    expect(editor.get("box")).toMatchObject({ x: 44, version });
  });

  it("takes back whatever is done by somebody who may only look, and sends none of it", () => {
    hear({ type: "joined", room: "r", role: "viewer", epoch: "e", seq: 1, mode: "delta", added: [], modified: [], deleted: [], more: false });
    editor.change("box", { x: 5 });
    editor.add({ id: "mine", type: "ellipse", x: 0, y: 0, width: 9, height: 9, angle: 0, version: 1, versionNonce: 1, isDeleted: false });
    vi.advanceTimersByTime(200);
    expect([editor.get("box")?.["x"], editor.get("mine")]).toEqual([0, undefined]);
    editor.change("box", { isDeleted: true });
    vi.advanceTimersByTime(200);
    expect(editor.get("box")).toBeDefined();
    editor.be({ cursorButton: "down", newElement: { id: "s", type: "freedraw" } });
    editor.add({ id: "s", type: "freedraw", x: 0, y: 0, width: 1, height: 1, angle: 0, points: [[0, 0], [1, 1]], version: 1, versionNonce: 1, isDeleted: false });
    vi.advanceTimersByTime(500);
    editor.be({});
    vi.advanceTimersByTime(200);
    expect([editor.get("s"), ops()]).toEqual([undefined, []]);
  });

  it("lets a stroke grow by its new points, as one gesture", () => {
    const stroke = (length: number) => ({ points: Array.from({ length }, (_, at) => [at, at * 2]), width: length, height: length * 2 });
    editor.be({ cursorButton: "down", newElement: { id: "s", type: "freedraw" } });
    editor.add({ id: "s", type: "freedraw", x: 0, y: 0, angle: 0, version: 1, versionNonce: 1, pressures: [], isDeleted: false, ...stroke(2) });
    for (let length = 3; length <= 30; length += 1) {
      editor.change("s", stroke(length));
      vi.advanceTimersByTime(20);
    }
    editor.be({});
    vi.advanceTimersByTime(100);
    const kinds = ops().map(({ op }) => op);
    expect(kinds[0]).toBe("put");
    expect(kinds.at(-1)).toBe("patch");
    expect(kinds.filter((op) => op === "append").length).toBeGreaterThan(3);
    expect(room.shape("s")).toMatchObject({ ...stroke(30) });
    const gestures = sent.flatMap((frame) => (frame.type === "ops" ? [frame.gesture] : []));
    expect(new Set(gestures.slice(1))).toEqual(new Set([1]));
    expect(editor.get("s")).toMatchObject(stroke(30));
  });

  describe("a stroke that is being drawn", () => {
    const stroke = (length: number) => ({ points: Array.from({ length }, (_, at) => [at, at * 2]), width: length, height: length * 2 });
    const drawTo = (from: number, to: number) => {
      for (let length = from; length <= to; length += 1) {
        editor.change("s", stroke(length));
        vi.advanceTimersByTime(20);
      }
    };
    beforeEach(() => {
      editor.be({ cursorButton: "down", newElement: { id: "s", type: "freedraw" } });
      editor.add({ id: "s", type: "freedraw", x: 0, y: 0, angle: 0, version: 1, versionNonce: 1, pressures: [], isDeleted: false, ...stroke(2) });
      drawTo(3, 10);
      committed(1, { op: "put", shape: { ...room.shape("s"), version: 1 } });
    });

    it("is there again with all its points where somebody deletes it, as the same gesture", () => {
      vi.advanceTimersByTime(1000);
      somebody({ op: "delete", id: "s" });
      vi.advanceTimersByTime(1000);
      editor.be({ cursorButton: "down", newElement: { id: "s", type: "freedraw" } });
      vi.advanceTimersByTime(1000);
      expect([room.shape("s"), editor.get("s")?.["width"]]).toEqual([undefined, 10]);
      sent.length = 0;
      drawTo(11, 20);
      expect(ops()[0]).toMatchObject({ op: "put", shape: { id: "s" } });
      editor.be({});
      vi.advanceTimersByTime(100);
      expect(room.shape("s")).toMatchObject(stroke(20));
      expect(editor.get("s")).toMatchObject(stroke(20));
      expect(ops().filter(({ op }) => op === "put").length).toBe(1);
      expect(new Set(sent.flatMap((frame) => (frame.type === "ops" ? [frame.gesture] : [])))).toEqual(new Set([1]));
    });

    it("is there again where it is lifted at once after that", () => {
      vi.advanceTimersByTime(1000);
      somebody({ op: "delete", id: "s" });
      sent.length = 0;
      editor.be({});
      vi.advanceTimersByTime(100);
      expect(ops()).toMatchObject([{ op: "put", shape: { id: "s", ...stroke(10) } }]);
      expect(editor.get("s")).toMatchObject(stroke(10));
    });

    it("is let go of where the room does not take it, and not told again and again", () => {
      drawTo(11, 20);
      const [last] = sent.filter((frame) => frame.type === "ops").slice(-1);
      for (const frame of sent) if (frame.type === "ops" && frame !== last) hear({ type: "reject", room: "r", op_id: frame.op_id, code: "forbidden", message: "no" });
      somebody({ op: "delete", id: "s" });
      sent.length = 0;
      drawTo(21, 30);
      editor.be({});
      vi.advanceTimersByTime(200);
      expect([ops(), editor.get("s")]).toEqual([[], undefined]);
    });
  });

  it("tells of what is written though the fingers never rest", () => {
    editor.be({ editingTextElement: { id: "t" } });
    editor.add({ id: "t", type: "text", x: 0, y: 0, width: 1, height: 1, angle: 0, text: "", version: 1, versionNonce: 1, isDeleted: false });
    for (let length = 1; length <= 100; length += 1) {
      editor.change("t", { text: "x".repeat(length) });
      vi.advanceTimersByTime(100);
    }
    expect(batches()).toBe(3);
  });

  it("takes back alone what is more than the room can take, and tells of all else", () => {
    const refused: string[] = [];
    room.on("reject", ({ batch }) => refused.push(...batch.ops.map(idOf)));
    editor.change("box", { x: 5, customData: { blob: "x".repeat(1_200_000) } });
    editor.add({ id: "n", type: "ellipse", x: 1, y: 2, width: 3, height: 4, angle: 0, version: 1, versionNonce: 1, isDeleted: false });
    vi.advanceTimersByTime(200);
    expect([refused, ops().map(idOf)]).toEqual([["box"], ["n"]]);
    expect([editor.get("box")?.["x"], editor.get("box")?.["customData"], editor.get("n")?.["width"]]).toEqual([0, undefined, 3]);
  });

  it("sends a text when the fingers rest, and nothing of one that stays empty", () => {
    editor.be({ editingTextElement: { id: "t" } });
    editor.add({ id: "t", type: "text", x: 0, y: 0, width: 1, height: 1, angle: 0, text: "", version: 1, versionNonce: 1, isDeleted: false });
    vi.advanceTimersByTime(2000);
    expect(batches()).toBe(0);
    for (const text of ["h", "he", "hel"]) editor.change("t", { text });
    vi.advanceTimersByTime(500);
    expect(batches()).toBe(1);
    expect(room.shape("t")).toMatchObject({ text: "hel" });
  });

  it("puts a text again that somebody deleted while it was written, when it is written on", () => {
    const text = (written: string) => ({ text: written, originalText: written });
    editor.be({ editingTextElement: { id: "t" } });
    editor.add({ id: "t", type: "text", x: 7, y: 0, width: 1, height: 1, angle: 0, version: 1, versionNonce: 1, isDeleted: false, ...text("a") });
    vi.advanceTimersByTime(500);
    committed(1, { op: "put", shape: { ...room.shape("t"), version: 1 } });
    somebody({ op: "delete", id: "t" });
    vi.advanceTimersByTime(500);
    expect([room.shape("t"), editor.get("t")?.["text"]]).toEqual([undefined, "a"]);
    editor.change("t", text("a thought"));
    vi.advanceTimersByTime(500);
    expect(ops().slice(1)).toMatchObject([{ op: "put", shape: { id: "t", x: 7, text: "a thought" } }]);
    editor.change("t", text("a thought that goes on"));
    editor.be({});
    vi.advanceTimersByTime(500);
    expect(ops().slice(2)).toMatchObject([{ op: "patch", id: "t", set: { text: "a thought that goes on" } }]);
    expect(editor.get("t")).toMatchObject(text("a thought that goes on"));
  });

  it("lets a text go that somebody deleted, where nothing more is written, or it is only wrapped anew", () => {
    const text = { id: "t", type: "text", x: 0, y: 0, width: 1, height: 1, angle: 0, version: 1, versionNonce: 1, isDeleted: false, text: "a b", originalText: "a b" };
    editor.be({ editingTextElement: { id: "t" } });
    editor.add(text);
    vi.advanceTimersByTime(500);
    committed(1, { op: "put", shape: { ...room.shape("t"), version: 1 } });
    somebody({ op: "delete", id: "t" });
    vi.advanceTimersByTime(500);
    editor.change("t", { width: 2, text: "a\nb" });
    editor.be({});
    vi.advanceTimersByTime(500);
    expect([room.shape("t"), editor.get("t"), ops().filter(({ op }) => op === "put").length]).toEqual([undefined, undefined, 1]);
  });

  describe("a box with a text that is being written", () => {
    /** The component's text editor makes the box lower, in place, whenever it is given it taller than when writing began. */
    const lower = () => {
      const box = editor.get("box");
      if (box && editor.now.editingTextElement && Number(box["height"]) > 10) Object.assign(box, { height: 5, version: Number(box["version"]) + 1 });
    };
    const taller = (height: number) => {
      somebody({ op: "patch", id: "box", version: 2, set: { height }, unset: [] });
      vi.advanceTimersByTime(1000);
    };
    beforeEach(() => {
      editor.add({ id: "t", type: "text", x: 0, y: 0, width: 1, height: 1, angle: 0, text: "hi", version: 1, versionNonce: 1, isDeleted: false });
      vi.advanceTimersByTime(1000);
      sent.length = 0;
      editor.be({ editingTextElement: { id: "t", containerId: "box" } });
    });

    it("has the row's height when the writing ends, whatever the component made of it, and nothing of that is told", () => {
      editor.repair = lower;
      taller(300);
      editor.be({});
      vi.advanceTimersByTime(1000);
      expect([editor.get("box")?.["height"], ops()]).toEqual([300, []]);
    });

    it("is not made lower for everybody when the component derives it from what it remembers", () => {
      taller(300);
      editor.change("box", { height: 5 });
      editor.change("t", { text: "hi!" });
      vi.advanceTimersByTime(1000);
      expect([editor.get("box")?.["height"], ops()]).toEqual([300, [{ op: "patch", id: "t", set: { text: "hi!" } }]]);
    });

    it("is not made lower than somebody made it while more was written, but as tall as the text needs", () => {
      editor.change("box", { height: 60 });
      taller(300);
      expect([editor.get("box")?.["height"], ops()]).toEqual([300, []]);
      editor.change("box", { height: 340 });
      vi.advanceTimersByTime(1000);
      editor.change("box", { height: 320 });
      editor.be({});
      vi.advanceTimersByTime(1000);
      expect([editor.get("box")?.["height"], ops()]).toEqual([320, [{ op: "patch", id: "box", set: { height: 340 } }, { op: "patch", id: "box", set: { height: 320 } }]]);
    });
  });

  it("deletes by deletes, in both directions", () => {
    editor.change("box", { isDeleted: true });
    vi.advanceTimersByTime(200);
    expect(ops()).toEqual([{ op: "delete", id: "box" }]);
    somebody({ op: "delete", id: "box" }, { op: "put", shape: { id: "other", kind: "ellipse", x: 1, y: 1, width: 2, height: 2, angle: 0, props: {}, version: 1 } });
    vi.advanceTimersByTime(50);
    expect([editor.get("box"), editor.get("other")?.type]).toEqual([undefined, "ellipse"]);
    somebody({ op: "delete", id: "other" });
    vi.advanceTimersByTime(50);
    expect(editor.get("other")).toBeUndefined();
    expect(ops().length).toBe(1);
  });

  it("takes back what the server refused", () => {
    editor.change("box", { x: 5 });
    vi.advanceTimersByTime(100);
    hear({ type: "reject", room: "r", op_id: 1, code: "invalid", message: "no", shapes: [] });
    vi.advanceTimersByTime(100);
    expect(editor.get("box")).toMatchObject({ x: 0 });
  });

  it("adds what takes the place of a board, as a dropped file does, to what was there", () => {
    editor.list = [{ id: "dropped", type: "diamond", x: 0, y: 0, width: 9, height: 9, angle: 0, version: 1, versionNonce: 1, isDeleted: false }];
    editor.binding?.changed();
    vi.advanceTimersByTime(1000);
    expect([editor.get("box"), editor.get("dropped")]).not.toContain(undefined);
    expect(ops()).toMatchObject([{ op: "put", shape: { id: "dropped" } }]);
  });

  it("shows again what the component lost, and deletes nothing", () => {
    editor.list = [];
    editor.binding?.changed();
    vi.advanceTimersByTime(1000);
    expect(editor.get("box")).toBeDefined();
    expect(ops()).toEqual([]);
  });
});
