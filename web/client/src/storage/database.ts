/** The names of what is kept. */
export const STORES = { clients: "clients", queue: "queue", boards: "boards", shapes: "shapes" } as const;
const VERSION = 1;

/** Opens the database, making it at first use. */
export function openDatabase(name: string, factory: IDBFactory): Promise<IDBDatabase> {
  const request = factory.open(name, VERSION);
  request.onupgradeneeded = () => {
    const database = request.result;
    // A client and when it was last used.
    database.createObjectStore(STORES.clients, { keyPath: "client" });
    // Gestures by room, client, op_id: read in the order in which they were made.
    database.createObjectStore(STORES.queue, { keyPath: ["room", "client", "op_id"] });
    // Where the copy of a room is, and the next op_id of each client there.
    database.createObjectStore(STORES.boards, { keyPath: "key" });
    // One entry a shape, so that a change writes only what changed.
    database.createObjectStore(STORES.shapes, { keyPath: ["room", "id"] });
  };
  return result(request);
}

/** What a request comes to. */
export function result<T>(request: IDBRequest<T>): Promise<T> {
  return new Promise((resolve, reject) => {
    request.onsuccess = () => resolve(request.result);
    request.onerror = () => reject(request.error ?? new Error("the browser's database failed"));
  });
}

/** When a transaction is done. */
export function done(transaction: IDBTransaction): Promise<void> {
  return new Promise((resolve, reject) => {
    transaction.oncomplete = () => resolve();
    transaction.onabort = () => reject(transaction.error ?? new Error("the browser's database gave up"));
  });
}

/** Every key that begins with these parts. */
export function within(...parts: string[]): IDBKeyRange {
  return IDBKeyRange.bound(parts, [...parts, []]);
}
