import { ask } from "../api.js";
import { isSilence } from "../asking.js";
import { inTime } from "@pgcanvas/client";

const NAME = "pgcanvas-pictures";
const STORE = "unsent";
/** How long the browser is waited for to keep a picture or to give it, and the node to answer, before the board goes on without. */
const KEEP_MS = 3000;
const ANSWER_MS = 1500;
/** Between two looks for what could not be sent, by this page or another that is gone; longer where a node cannot take it. */
const AGAIN_MS = 10_000;
const MOST_MS = 60_000;
/** How long sending a picture may take: one that hangs would keep it from being sent again. The slowest line carries 8 bytes a millisecond. */
const SEND_MS = 60_000;
const LEAST_BYTES_PER_MS = 8;

/** Pictures that the node does not have yet, kept over the end of the page; where the browser keeps nothing, as long as the page. */
const unsent = new Map<string, Blob>();
/** Those on their way just now: one that is asked for twice is sent once. */
const sending = new Map<string, Promise<void>>();

/**
 * Keeps a picture and sends it. One that the node cannot take now is sent by [`sendUnsent`]; that it never takes it is thrown, where it says so
 * at once, or told later.
 */
export async function send(id: string, picture: Blob, refused: (why: Error) => void): Promise<void> {
  unsent.set(id, picture);
  await inStore("readwrite", (store) => store.put(picture, id)).catch(() => undefined);
  const sent = deliver(id, picture);
  const isAnswered = await Promise.race([sent.then(() => true), after(ANSWER_MS)]);
  if (!isAnswered) void sent.catch(refused);
}

/** Sends what could not be sent before, by this page or one that was closed; whether all of it is sent. */
export async function sendUnsent(refused: (why: Error) => void): Promise<boolean> {
  const ids = (await inStore("readonly", (store) => store.getAllKeys()).catch(() => [])) as string[];
  for (const id of new Set([...unsent.keys(), ...ids])) {
    const picture = await unsentPicture(id);
    if (picture) await deliver(id, picture).catch(refused);
  }
  return unsent.size === 0;
}

/** Sends what could not be sent, again and again, with growing pauses; gives how to stop. */
export function keepSending(refused: (why: Error) => void): () => void {
  let timer: ReturnType<typeof setTimeout> | undefined;
  const next = (pauseMs: number) => {
    timer = setTimeout(async () => {
      const isDone = await sendUnsent(refused);
      if (timer !== undefined) next(isDone ? AGAIN_MS : Math.min(2 * pauseMs, MOST_MS));
    }, pauseMs);
  };
  next(AGAIN_MS);
  return () => {
    clearTimeout(timer);
    timer = undefined;
  };
}

/** A picture that is still on its way. */
export async function unsentPicture(id: string): Promise<Blob | undefined> {
  return unsent.get(id) ?? ((await inStore("readonly", (store) => store.get(id)).catch(() => undefined)) as Blob | undefined);
}

function deliver(id: string, picture: Blob): Promise<void> {
  const under = sending.get(id) ?? put(id, picture).finally(() => sending.delete(id));
  sending.set(id, under);
  return under;
}

async function put(id: string, picture: Blob): Promise<void> {
  try {
    await ask(`/api/files/${id}`, { method: "PUT", body: picture }, SEND_MS + picture.size / LEAST_BYTES_PER_MS);
  } catch (failure) {
    if (isSilence(failure)) {
      unsent.set(id, picture);
      return;
    }
    await forget(id);
    throw failure;
  }
  await forget(id);
}

async function forget(id: string): Promise<void> {
  unsent.delete(id);
  await inStore("readwrite", (store) => store.delete(id)).catch(() => undefined);
}

/** Does it in what the browser keeps; one that does not answer in time may yet do it. */
function inStore<T>(mode: IDBTransactionMode, work: (store: IDBObjectStore) => IDBRequest<T>): Promise<T> {
  return inTime(KEEP_MS, worked(mode, work));
}

async function worked<T>(mode: IDBTransactionMode, work: (store: IDBObjectStore) => IDBRequest<T>): Promise<T> {
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

function after(ms: number): Promise<false> {
  return new Promise((resolve) => setTimeout(() => resolve(false), ms));
}
