import type { At } from "../core/confirmed.js";
import { byPlace, type Queued } from "../core/queue.js";
import type { Shape } from "../shape.js";
import { done, openDatabase, result, STORES, within } from "./database.js";
import { claimClient, lockOf, type TabNotes } from "./identity.js";
import { Locks } from "./locks.js";
import { inTime } from "../time.js";
import { freshKey, type BoardChange, type Kept, type Store } from "./store.js";

/** Without locks, what another page has kept for so long is taken to be left behind; if it is not, both send it and it is applied once. */
const LEFT_BEHIND_MS = 10_000;
/** A gesture that takes the browser longer than this counts as not kept, until it is. */
const KEEP_MS = 5000;

interface KeptClient {
  readonly client: string;
  /** None where it was kept before clients had keys. */
  readonly key?: string;
  readonly used_at_ms: number;
}

interface KeptBatch extends Queued {
  readonly room: string;
  readonly kept_at_ms: number;
}

interface KeptBoard {
  readonly key: string;
  readonly at?: At;
  readonly next_op_id?: number;
}

interface KeptShape {
  readonly room: string;
  readonly id: string;
  readonly shape: Shape;
}

/** What an {@link IndexedStore} goes by. */
export interface IndexedSettings {
  readonly name?: string;
  readonly factory?: IDBFactory;
  readonly locks?: Locks;
  readonly notes?: TabNotes | undefined;
  /** Told when the browser refuses to keep something: its disk may be full. */
  readonly failed?: (failure: unknown) => void;
}

/**
 * Keeps in the browser's IndexedDB. Writes begin with the gesture and are `relaxed`: they outlive a closed or crashed tab, which is what
 * happens, and do not wait for the disk, which would only outlive a power cut between two flushes.
 */
export class IndexedStore implements Store {
  /** Not while the browser has no room for gestures. */
  durable = true;
  private readonly counted = new Map<string, number>();

  private constructor(
    readonly client: string,
    private readonly keys: Map<string, string>,
    private readonly database: IDBDatabase,
    private readonly locks: Locks,
    private readonly failed: (failure: unknown) => void,
  ) {}

  /** Opens the database and finds out who this page is. */
  static async open(settings: IndexedSettings = {}): Promise<IndexedStore> {
    const { name = "pgcanvas", factory = indexedDB, locks = new Locks(), notes = globalThis.sessionStorage } = settings;
    const database = await openDatabase(name, factory);
    const rows = await result(database.transaction(STORES.clients).objectStore(STORES.clients).getAll());
    const known = (rows as KeptClient[]).sort((left, right) => right.used_at_ms - left.used_at_ms);
    const client = await claimClient(locks, known.map((row) => row.client), notes);
    const keys = new Map(known.flatMap((row) => (row.key === undefined ? [] : [[row.client, row.key] as const])));
    const key = keys.get(client) ?? freshKey();
    keys.set(client, key);
    const store = new IndexedStore(client, keys, database, locks, settings.failed ?? (() => {}));
    store.write([STORES.clients], (open) => open(STORES.clients).put({ client, key, used_at_ms: Date.now() } satisfies KeptClient));
    return store;
  }

  keyOf(client: string): string | undefined {
    return this.keys.get(client);
  }

  async load(room: string): Promise<Kept> {
    const transaction = this.database.transaction([STORES.queue, STORES.boards, STORES.shapes, STORES.clients]);
    const open = (name: string) => transaction.objectStore(name);
    const [clients, kept, board, counter, shapes] = await Promise.all([
      result(open(STORES.clients).getAll() as IDBRequest<KeptClient[]>),
      result(open(STORES.queue).getAll(within(room)) as IDBRequest<KeptBatch[]>),
      result(open(STORES.boards).get(room) as IDBRequest<KeptBoard | undefined>),
      result(open(STORES.boards).get(this.counterKey(room)) as IDBRequest<KeptBoard | undefined>),
      result(open(STORES.shapes).getAll(within(room)) as IDBRequest<KeptShape[]>),
    ]);
    // Whoever came later and is gone by now may have left gestures that take its key.
    for (const { client, key } of clients) if (key !== undefined) this.keys.set(client, key);
    const batches = kept.sort((left, right) => (left.client === right.client ? byPlace(left, right) : left.client < right.client ? -1 : 1));
    const queue = batches.filter((batch) => batch.client === this.client);
    return {
      at: board?.at,
      shapes: shapes.map(({ shape }) => shape),
      queue: queue.map(asQueued),
      orphans: await this.orphans(batches),
      // Written with every gesture, in its transaction.
      nextOpId: counter?.next_op_id ?? 1,
    };
  }

  async keep(room: string, ...batches: readonly Queued[]): Promise<void> {
    const own = batches.filter(({ client }) => client === this.client);
    const next = Math.max(this.counted.get(room) ?? 1, ...own.map(({ op_id }) => op_id + 1));
    this.counted.set(room, next);
    const writing = this.write([STORES.queue, STORES.boards], (open) => {
      for (const batch of batches) open(STORES.queue).put({ ...batch, room, kept_at_ms: Date.now() } satisfies KeptBatch);
      // Who is counted on for begins anew with the time.
      if (own.length > 0) open(STORES.boards).put({ key: this.counterKey(room), next_op_id: next } satisfies KeptBoard);
    });
    this.durable = await inTime(KEEP_MS, writing).catch(() => false);
    if (!this.durable) void writing.then((kept) => (this.durable ||= kept));
  }

  settle(room: string, client: string, opId: number): void {
    this.write([STORES.queue], (open) => open(STORES.queue).delete([room, client, opId]));
  }

  /**
   * Of several tabs in one room one keeps the board: two that are at different batches would overwrite each other's shapes with older
   * ones under a newer seq, and no resume would ever mend that. Without locks nobody does, and the board is asked for whole.
   */
  keepsBoard(room: string, told: () => void): void {
    this.locks.whenFree(`pgcanvas:board:${room}`, told);
  }

  async keepBoard(room: string, change: BoardChange): Promise<void> {
    await this.write([STORES.boards, STORES.shapes], (open) => {
      const shapes = open(STORES.shapes);
      if (change.whole) shapes.delete(within(room));
      for (const id of change.deleted) shapes.delete([room, id]);
      for (const shape of change.put) shapes.put({ room, id: shape.id, shape } satisfies KeptShape);
      open(STORES.boards).put({ key: room, at: change.at } satisfies KeptBoard);
    });
  }

  close(): void {
    this.locks.releaseAll();
    this.database.close();
  }

  /** The gestures of tabs that are gone; whoever takes the lock of one looks after it. */
  private async orphans(batches: readonly KeptBatch[]): Promise<Queued[]> {
    const others = batches.filter((batch) => batch.client !== this.client && batch.verb === "ops");
    if (!this.locks.there) return others.filter((batch) => Date.now() - batch.kept_at_ms > LEFT_BEHIND_MS).map(asQueued);
    const gone = new Set<string>();
    for (const client of new Set(others.map((batch) => batch.client))) {
      if (await this.locks.take(lockOf(client))) gone.add(client);
    }
    return others.filter((batch) => gone.has(batch.client)).map(asQueued);
  }

  private counterKey(room: string): string {
    return `${room}/${this.client}`;
  }

  /** Whether it is written. */
  private async write(names: string[], change: (open: (name: string) => IDBObjectStore) => void): Promise<boolean> {
    try {
      const transaction = this.database.transaction(names, "readwrite", { durability: "relaxed" });
      change((name) => transaction.objectStore(name));
      await done(transaction);
      return true;
    } catch (failure) {
      this.failed(failure);
      return false;
    }
  }
}

function asQueued({ room: _, kept_at_ms: __, ...batch }: KeptBatch): Queued {
  return batch;
}
