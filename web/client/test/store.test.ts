import { IDBFactory, IDBKeyRange } from "fake-indexeddb";
import { beforeEach, describe, expect, it, vi } from "vitest";
import type { Queued } from "../src/core/queue.js";
import { IndexedStore } from "../src/storage/indexed.js";
import { Locks } from "../src/storage/locks.js";

globalThis.IDBKeyRange = IDBKeyRange;

/** The locks of one origin, as browsers have them. */
class Origin {
  readonly factory = new IDBFactory();
  private readonly held = new Map<string, Promise<unknown>>();

  locks(): Locks {
    const request = async (name: string, ...rest: unknown[]) => {
      const call = rest.at(-1) as (lock: object | null) => Promise<void> | undefined;
      const ifAvailable = rest.length === 2;
      if (this.held.has(name) && ifAvailable) return call(null);
      while (this.held.has(name)) await this.held.get(name);
      const holding = Promise.resolve(call({})).finally(() => this.held.delete(name));
      this.held.set(name, holding);
      return holding;
    };
    return new Locks({ request } as unknown as LockManager);
  }
}

/** What a tab notes for itself; a reload keeps it. */
function notes() {
  const kept = new Map<string, string>();
  return { getItem: (key: string) => kept.get(key) ?? null, setItem: (key: string, value: string) => void kept.set(key, value) };
}

const put = (client: string, op_id: number): Queued => ({ client, op_id, verb: "ops", ops: [{ op: "delete", id: `s${op_id}` }] });

describe("what is kept in the browser", () => {
  let origin: Origin;
  const tab = (own = notes()) => IndexedStore.open({ factory: origin.factory, locks: origin.locks(), notes: own });

  beforeEach(() => {
    origin = new Origin();
  });

  it("is there after the tab was closed, under the same client and above its numbers", async () => {
    const first = await tab();
    first.keep("r", put(first.client, 1));
    first.keep("r", put(first.client, 2));
    first.settle("r", first.client, 1);
    expect((await first.load("r")).queue.length).toBe(1);
    first.close();
    const second = await tab();
    expect(second.client).toBe(first.client);
    expect(await second.load("r")).toMatchObject({ queue: [put(first.client, 2)], orphans: [], nextOpId: 3 });
  });

  it("never makes two living tabs one client, nor a duplicated one", async () => {
    const own = notes();
    const first = await tab(own);
    expect((await tab(own)).client).not.toBe(first.client);
    expect((await tab()).client).not.toBe(first.client);
  });

  it("keeps a tab's client over a reload, though another one is free", async () => {
    const own = notes();
    const [first, other] = [await tab(own), await tab()];
    first.close();
    other.close();
    expect((await tab(own)).client).toBe(first.client);
  });

  it("gives the gestures of closed tabs to one that lives, and those of living ones to nobody", async () => {
    const [first, second, third] = [await tab(), await tab(), await tab()];
    for (const store of [first, second, third]) store.keep("r", put(store.client, 1));
    await third.load("r");
    first.close();
    second.close();
    const next = await tab();
    const kept = await next.load("r");
    const all = [...kept.queue, ...kept.orphans].map(({ client }) => client).sort();
    expect(all).toEqual([first.client, second.client].sort());
    const later = await tab();
    expect((await later.load("r")).orphans).toEqual([]);
  });

  it("keeps a client's key with it, and knows those of whoever left gestures behind", async () => {
    const first = await tab();
    const key = first.keyOf(first.client);
    expect(key).toMatch(/^[0-9a-f]{64}$/);
    const late = await tab();
    expect(late.keyOf(late.client)).not.toBe(key);
    late.keep("r", put(late.client, 1));
    await late.load("r");
    late.close();
    expect((await first.load("r")).orphans.map(({ client }) => client)).toEqual([late.client]);
    expect(first.keyOf(late.client)).toBe(late.keyOf(late.client));
    first.close();
    const again = await tab();
    expect([first.client, late.client]).toContain(again.client);
    expect(again.keyOf(first.client)).toBe(key);
  });

  it("is somebody new where the client that its tab was has lost its key", async () => {
    const own = notes();
    own.setItem("pgcanvas.client", "6f1d2a3e-0000-4000-8000-000000000009");
    expect((await tab(own)).client).not.toBe("6f1d2a3e-0000-4000-8000-000000000009");
  });

  it("counts on though nothing is queued", async () => {
    const first = await tab();
    first.keep("r", put(first.client, 7));
    first.settle("r", first.client, 7);
    await first.load("r");
    first.close();
    expect((await (await tab()).load("r")).nextOpId).toBe(8);
    expect((await (await tab()).load("other")).nextOpId).toBe(1);
  });

  it("keeps the board by one tab at a time, and only what changed", async () => {
    const [first, second] = [await tab(), await tab()];
    const told: string[] = [];
    first.keepsBoard("r", () => told.push("first"));
    second.keepsBoard("r", () => told.push("second"));
    await expect.poll(() => told).toEqual(["first"]);
    const at = { epoch: "e", seq: 5 };
    const [a, b] = [{ id: "a", kind: "k" }, { id: "b", kind: "k" }];
    await first.keepBoard("r", { at, whole: true, put: [a, b], deleted: [] });
    await first.keepBoard("r", { at: { epoch: "e", seq: 6 }, whole: false, put: [{ ...a, x: 1 }], deleted: ["b"] });
    expect(await second.load("r")).toMatchObject({ at: { seq: 6 }, shapes: [{ id: "a", x: 1 }] });
    expect((await second.load("room-of-another-name")).shapes).toEqual([]);
    first.close();
    await expect.poll(() => told).toEqual(["first", "second"]);
  });

  it("makes everybody somebody new where there are no locks, and sends what was left behind", async () => {
    const open = () => IndexedStore.open({ factory: origin.factory, locks: new Locks(undefined), notes: notes() });
    const [first, second] = [await open(), await open()];
    expect(first.client).not.toBe(second.client);
    first.keep("r", put(first.client, 1));
    expect((await second.load("r")).orphans).toEqual([]);
  });

  it("is not said to be kept while the browser has no room for it", async () => {
    const failures: unknown[] = [];
    const store = await IndexedStore.open({ factory: origin.factory, locks: origin.locks(), notes: notes(), failed: (failure) => failures.push(failure) });
    expect(store.durable).toBe(true);
    store.keep("r", { ...put(store.client, 1), ops: [{ op: "patch", id: "a", set: { x: (() => 0) as never } }] });
    await vi.waitFor(() => expect(store.durable).toBe(false));
    expect(failures.length).toBe(1);
    store.keep("r", put(store.client, 2));
    await vi.waitFor(() => expect(store.durable).toBe(true));
  });
});
