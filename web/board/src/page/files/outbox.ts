import { ask, Refusal } from "../api.js";

const NAME = "pgcanvas-pictures";
const STORE = "unsent";

/** Pictures that the node does not have yet, kept over the end of the page; where the browser keeps nothing, as long as the page. */
const unsent = new Map<string, Blob>();

/** Keeps a picture and sends it; tells why the node does not take it. One that it cannot take now is sent by [`sendUnsent`]. */
export async function send(id: string, picture: Blob): Promise<void> {
  unsent.set(id, picture);
  await inStore("readwrite", (store) => store.put(picture, id)).catch(() => undefined);
  await deliver(id, picture);
}

/** Sends what could not be sent before, by this page or one that was closed. */
export async function sendUnsent(): Promise<void> {
  const ids = (await inStore("readonly", (store) => store.getAllKeys()).catch(() => [])) as string[];
  for (const id of new Set([...unsent.keys(), ...ids])) {
    const picture = await unsentPicture(id);
    if (picture) await deliver(id, picture).catch(() => undefined);
  }
}

/** A picture that is still on its way. */
export async function unsentPicture(id: string): Promise<Blob | undefined> {
  return unsent.get(id) ?? ((await inStore("readonly", (store) => store.get(id)).catch(() => undefined)) as Blob | undefined);
}

async function deliver(id: string, picture: Blob): Promise<void> {
  try {
    await ask(`/api/files/${id}`, { method: "PUT", body: picture });
  } catch (failure) {
    if (failure instanceof Refusal && failure.code === "unavailable") return;
    await forget(id);
    throw failure;
  }
  await forget(id);
}

async function forget(id: string): Promise<void> {
  unsent.delete(id);
  await inStore("readwrite", (store) => store.delete(id)).catch(() => undefined);
}

async function inStore<T>(mode: IDBTransactionMode, work: (store: IDBObjectStore) => IDBRequest<T>): Promise<T> {
  const opening = indexedDB.open(NAME, 1);
  opening.onupgradeneeded = () => opening.result.createObjectStore(STORE);
  const database = await answered(opening);
  try {
    return await answered(work(database.transaction(STORE, mode).objectStore(STORE)));
  } finally {
    database.close();
  }
}

function answered<T>(request: IDBRequest<T>): Promise<T> {
  return new Promise((resolve, reject) => {
    request.onsuccess = () => resolve(request.result);
    request.onerror = () => reject(request.error ?? new Error("the browser keeps nothing"));
  });
}
