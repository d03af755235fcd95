import { describe, expect, it } from "vitest";
import { systemClock } from "../src/clock.js";
import { Room } from "../src/room.js";
import { MemoryStore } from "../src/storage/store.js";
import { LIMITS, type Said, type Told } from "../src/wire.js";

function live(): { room: Room; sent: Said[]; hear: (frame: object) => void } {
  const sent: Said[] = [];
  const kept = { at: undefined, shapes: [], queue: [], orphans: [], nextOpId: 1 };
  const send = (frame: Said) => sent.push(frame) > 0;
  const ties = { store: new MemoryStore(), clock: systemClock, opsUrl: "", send, connection: () => "up" as const, stopped: () => undefined };
  const room = new Room("r", kept, ties);
  room.up({ type: "welcome", session: "s", user: { id: "u", name: "n" }, limits: LIMITS });
  const hear = (frame: object) => room.hear(frame as Told);
  hear({ type: "joined", room: "r", role: "editor", epoch: "e", seq: 0, mode: "snapshot", added: [], modified: [], deleted: [], more: false });
  return { room, sent, hear };
}

describe("undo", () => {
  it("is asked of the server under a number, and tells when it is done", async () => {
    const { room, sent, hear } = live();
    const done = room.undo();
    expect(sent.at(-1)).toEqual({ type: "undo", room: "r", op_id: 1 });
    hear({ type: "ack", room: "r", op_id: 1, seq: 0, outcomes: [] });
    expect(await done).toBe("applied");
    expect(room.status.unsent).toBe(0);
  });

  it("tells that there is nothing to undo", async () => {
    const { room, hear } = live();
    const done = room.redo();
    hear({ type: "reject", room: "r", op_id: 1, code: "nothing_to_undo", message: "nothing", shapes: [] });
    expect(await done).toBe("nothing_to_undo");
  });

  it("does not wait for ever for a node that does not know it", async () => {
    const { room, hear } = live();
    const done = room.undo();
    hear({ type: "error", code: "unsupported", message: "undo: not yet" });
    expect(await done).toBe("unsupported");
    expect(room.status.unsent).toBe(0);
  });

  it("is refused without a connection: later it would take back something else", async () => {
    const { room, sent } = live();
    room.down();
    expect(await room.undo()).toBe("unavailable");
    expect(sent.some((frame) => frame.type === "undo")).toBe(false);
  });
});
