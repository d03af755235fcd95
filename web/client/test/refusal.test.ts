import { beforeEach, describe, expect, it, vi } from "vitest";
import { Client } from "../src/client.js";
import type { Rejection } from "../src/core/news.js";
import type { Queued } from "../src/core/queue.js";
import type { Room } from "../src/room.js";
import { MemoryStore, type Kept } from "../src/storage/store.js";
import { LIMITS } from "../src/wire.js";
import { HandClock } from "./clock.js";
import { FakeSocket } from "./socket.js";

const CLIENT = "6f1d2a3e-0000-4000-8000-000000000001";
const OTHER = "6f1d2a3e-0000-4000-8000-000000000002";
const put = (id: string, text = "") => ({ op: "put", shape: { id, kind: "text", x: 0, y: 0, width: 1, height: 1, angle: 0, props: {}, text } }) as const;

/** What an earlier page left, for every room; and what is kept of what is done since. */
class FullStore extends MemoryStore {
  readonly kept = new Map<string, Queued>();

  constructor(private readonly left: Partial<Kept>) {
    super(CLIENT);
  }

  override keyOf(): string {
    return "a key of thirty-two characters…";
  }

  override async load(): Promise<Kept> {
    return { at: undefined, shapes: [], queue: [], orphans: [], nextOpId: 1, ...this.left };
  }

  override keep(_room?: string, ...batches: readonly Queued[]): void {
    for (const batch of batches) this.kept.set(`${batch.client}/${batch.op_id}`, batch);
  }

  override settle(_room?: string, client?: string, opId?: number): void {
    this.kept.delete(`${String(client)}/${String(opId)}`);
  }
}

describe("what can never succeed", () => {
  let clock: HandClock;
  let sockets: FakeSocket[];
  let client: Client;
  let token: string | undefined;
  const last = () => sockets.at(-1) as FakeSocket;
  const sent = (room?: string) => last().sent.filter((frame) => frame.type === "ops" && (room === undefined || frame["room"] === room));
  const joined = (role = "editor", room = "r") => last().hear({ type: "joined", room, role, epoch: "e", seq: 1, mode: "snapshot", added: [], modified: [], deleted: [], more: false });
  const comeBack = () => {
    const before = sockets.length;
    while (sockets.length === before) clock.pass(50);
    last().welcome();
    joined();
  };

  async function come(left: Partial<Kept> = {}): Promise<{ room: Room; store: FullStore; rejected: Rejection[] }> {
    const store = new FullStore(left);
    const openSocket = (address: string) => {
      sockets.push(new FakeSocket(address));
      return last();
    };
    client = await Client.open({ addresses: ["ws://a/ws"], name: "Ann", token, store, clock, openSocket });
    const room = await client.join("r");
    const rejected: Rejection[] = [];
    last().welcome();
    room.on("reject", (rejection) => rejected.push(rejection));
    return { room, store, rejected };
  }

  beforeEach(() => {
    [clock, sockets, token] = [new HandClock(), [], undefined];
  });

  it("is not sent again when the connection ended because a frame was too long, and holds up nothing", async () => {
    const { room, store, rejected } = await come();
    joined();
    const other = await client.join("other");
    joined("editor", "other");
    room.edit([put("a", "short")]);
    room.edit([put("b", "much longer than the others")]);
    other.edit([put("c", "also short")]);
    clock.pass(5000);
    last().onclose?.({ code: 1009 });
    expect(rejected).toMatchObject([{ op_id: 2, code: "too_large" }]);
    expect([room.shape("a"), room.shape("b"), room.status.unsent, other.status.unsent]).toEqual([expect.anything(), undefined, 1, 1]);
    for (let times = 0; times < 3; times += 1) {
      comeBack();
      expect(sent().map(({ op_id, room: name }) => [name, op_id])).toEqual([["r", 1], ["other", 1]]);
      last().onclose?.({ code: 1006 });
    }
    expect([...store.kept.values()].filter(({ ops }) => ops.length > 0 && ops[0]?.op === "put" && ops[0].shape.id === "b")).toEqual([]);
  });

  it("is refused when it is drawn, by name, and all else of the gesture is sent", async () => {
    const { room, rejected } = await come();
    joined();
    const changed: string[][] = [];
    room.on("change", ({ ids, own }) => own || changed.push([...ids]));
    room.edit([put("a"), put("b", "x".repeat(3_000_000))]);
    expect([rejected, changed]).toMatchObject([[{ code: "too_large", message: expect.stringContaining("b: is 3000") }], [["b"]]]);
    expect(sent().map(({ ops }) => (ops as { shape: { id: string } }[]).map(({ shape }) => shape.id))).toEqual([["a"]]);
    expect([room.shape("a") !== undefined, room.shape("b"), room.status.unsent]).toEqual([true, undefined, 1]);
  });

  it("does not stay in a queue that an earlier version kept, and whoever listens later hears of it", async () => {
    const queue = [{ client: CLIENT, op_id: 1, verb: "ops", ops: [put("a", "x".repeat(3_000_000))] }, { client: CLIENT, op_id: 2, verb: "ops", ops: [put("b")] }] as const;
    const { room, rejected } = await come({ queue });
    joined();
    expect(rejected).toMatchObject([{ op_id: 1, code: "too_large" }]);
    expect(sent().map(({ op_id }) => op_id)).toEqual([2]);
    expect([room.shape("a"), room.status.unsent]).toEqual([undefined, 1]);
  });

  it("does not stay among the gestures of tabs that are gone, whoever it is that finds them too large", async () => {
    const posted: { op_id: number; gesture?: number }[] = [];
    vi.stubGlobal("fetch", async (_: string, { body }: { body: string }) => {
      const batch = JSON.parse(body) as { op_id: number; ops: { shape: { id: string } }[] };
      posted.push(batch);
      // What a proxy says is no JSON.
      if (batch.ops[0]?.shape.id === "b") return new Response("<html>413 Request Entity Too Large</html>", { status: 413 });
      return Response.json({ type: "ack", room: "r", op_id: batch.op_id, seq: 1, outcomes: [] });
    });
    const of = (op_id: number, ops: Queued["ops"], more = {}): Queued => ({ client: OTHER, op_id, verb: "ops", ops, ...more });
    const { room, rejected } = await come({ orphans: [of(1, [put("a", "x".repeat(3_000_000))]), of(2, [put("b")]), of(3, [put("c")], { gesture: 2 })] });
    joined();
    await vi.waitFor(() => expect(room.status.unsent).toBe(0));
    expect(posted.map(({ op_id, gesture }) => [op_id, gesture])).toEqual([[2, undefined], [3, 2]]);
    expect(rejected.map(({ op_id, code }) => [op_id, code])).toEqual([[1, "too_large"], [2, "too_large"]]);
    vi.unstubAllGlobals();
  });

  it("is no state that others are to see, either", async () => {
    const { room } = await come();
    joined();
    room.present({ cursor: [1, 1] });
    clock.pass(5000);
    room.present({ note: "x".repeat(LIMITS.max_presence_bytes) });
    clock.pass(5000);
    expect(last().sent.filter(({ type }) => type === "presence").map(({ state }) => state)).toEqual([{ cursor: [1, 1] }]);
  });

  describe("and what only cannot be sent now", () => {
    const refused = (code: string) => last().hear({ type: "error", code, message: "room: no", room: "r" });

    it("is kept when a sign-in ends, though a guest is not let in, and sent when somebody is again", async () => {
      token = "t1";
      const { room, store, rejected } = await come();
      joined();
      room.edit([put("a")]);
      last().onclose?.({ code: 4401 });
      room.edit([put("b")]);
      client.signIn(undefined);
      last().welcome();
      refused("not_found");
      room.edit([put("c")]);
      clock.pass(60_000);
      expect([sent(), room.status, store.kept.size]).toMatchObject([[], { phase: "refused", code: "not_found", unsent: 3 }, 3]);
      client.signIn("t2");
      last().welcome();
      expect(sent()).toEqual([]);
      joined("owner");
      expect([sent().map(({ op_id }) => op_id), rejected]).toEqual([[1, 2, 3], []]);
    });

    it("is kept while a guest may only look", async () => {
      token = "t1";
      const { room } = await come();
      joined();
      room.edit([put("a")]);
      last().onclose?.({ code: 4401 });
      client.signIn(undefined);
      last().welcome();
      joined("viewer");
      expect([sent(), room.status]).toMatchObject([[], { phase: "live", role: "viewer", unsent: 1 }]);
      client.signIn("t1");
      last().welcome();
      joined("editor");
      expect(sent().map(({ op_id }) => op_id)).toEqual([1]);
    });

    it("is kept over the end of a page whose person comes back as a guest", async () => {
      const queue = [{ client: CLIENT, op_id: 1, verb: "ops", ops: [put("b")] }] as const;
      const { room, store } = await come({ queue });
      refused("not_found");
      expect([sent(), room.status.unsent, store.kept.size]).toEqual([[], 1, 0]);
    });

    it("goes at once where one is known: who comes back after a loss waits for nothing", async () => {
      const { room } = await come();
      joined();
      last().onclose?.({ code: 1006 });
      room.edit([put("a")]);
      while (sockets.length === 1) clock.pass(50);
      last().welcome();
      expect(sent().map(({ op_id }) => op_id)).toEqual([1]);
    });
  });
});
