import { IDBFactory, IDBKeyRange } from "fake-indexeddb";
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { Client } from "../src/client.js";
import type { Queued } from "../src/core/queue.js";
import { IndexedStore } from "../src/storage/indexed.js";
import { Locks } from "../src/storage/locks.js";
import { MemoryStore, NOTHING_KEPT, type Kept } from "../src/storage/store.js";
import { FakeSocket } from "./socket.js";

globalThis.IDBKeyRange = IDBKeyRange;

const LATE: Queued = { client: "c", op_id: 1, verb: "ops", ops: [{ op: "put", shape: { id: "a", kind: "rectangle" } }] };

// The rule stands in README.md, under what is kept and by whom.
describe("a browser's database that does not answer", () => {
  const sockets: FakeSocket[] = [];
  const openSocket = (address: string) => {
    sockets.push(new FakeSocket(address));
    return sockets.at(-1)!;
  };

  /** A client whose store gives what was kept when it is told to. */
  async function opened() {
    let give: { resolve(kept: Kept): void; reject(why: Error): void } | undefined;
    const store = Object.assign(new MemoryStore("c"), { load: () => new Promise<Kept>((resolve, reject) => (give = { resolve, reject })) });
    const client = await Client.open({ addresses: ["ws://a/ws"], name: "Ann", store, openSocket });
    return { client, give: () => give! };
  }

  beforeEach(() => void vi.useFakeTimers());
  afterEach(() => void vi.useRealTimers());

  it("keeps nobody from a room, and what it gives later is sent", async () => {
    const { client, give } = await opened();
    const socket = sockets.at(-1)!;
    socket.welcome();
    const joining = client.join("r");
    await vi.advanceTimersByTimeAsync(10_000);
    const room = await joining;
    socket.hear({ type: "joined", room: "r", mode: "snapshot", epoch: "e", seq: 0, added: [], modified: [], deleted: [], more: false, role: "editor" });
    give().resolve({ ...NOTHING_KEPT, queue: [LATE] });
    await vi.advanceTimersByTimeAsync(0);
    expect(socket.sent.filter(({ type }) => type === "ops")).toMatchObject([{ op_id: 1 }]);
    expect(room.shape("a")).toMatchObject({ kind: "rectangle" });
    client.close();
  });

  it("keeps nobody from a room where it fails", async () => {
    const { client, give } = await opened();
    const joining = client.join("r");
    give().reject(new Error("broken"));
    expect((await joining).name).toBe("r");
    client.close();
  });

  it("is not said to keep what it has not kept in time", async () => {
    const store = await open();
    const client = await Client.open({ addresses: ["ws://a/ws"], name: "Ann", store, openSocket });
    const room = await client.join("r");
    const [write, finish] = held(store);
    const told: boolean[] = [];
    room.on("status", ({ durable }) => told.push(durable));
    room.edit(LATE.ops);
    await vi.advanceTimersByTimeAsync(5000);
    expect(write).toHaveBeenCalled();
    expect(told.at(-1)).toBe(false);
    finish();
    await vi.advanceTimersByTimeAsync(10);
    expect(room.status.durable).toBe(true);
    client.close();
  });

  async function open(): Promise<IndexedStore> {
    vi.useRealTimers();
    const store = await IndexedStore.open({ factory: new IDBFactory(), locks: new Locks(undefined), notes: undefined });
    await store.load("r");
    vi.useFakeTimers({ toFake: ["setTimeout", "clearTimeout"] });
    return store;
  }

  /** Its writes end when they are let. */
  function held(store: IndexedStore) {
    let finish = () => {};
    const written = new Promise<boolean>((resolve) => (finish = () => resolve(true)));
    const write = vi.spyOn(store as unknown as { write(): Promise<boolean> }, "write").mockReturnValue(written);
    return [write, () => finish()] as const;
  }
});
