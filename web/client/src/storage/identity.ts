import type { Locks } from "./locks.js";
import { freshClient } from "./store.js";

/** Where a tab notes who it is, so that it is the same after a reload. */
const TAB_KEY = "pgcanvas.client";
/** A page that reloads may find its former self still there for a moment. */
const RELOAD_TRIES = 4;
const RELOAD_PAUSE_MS = 80;

/** The part of `sessionStorage` that is used. */
export type TabNotes = Pick<Storage, "getItem" | "setItem">;

/** The lock that says that a client lives. */
export function lockOf(client: string): string {
  return `pgcanvas:client:${client}`;
}

/**
 * Who this page is. Two tabs need two clients: both number their gestures from their own counter, and the node takes a second gesture of
 * one number for a repeat and drops it. So each page holds a lock in its client's name, and is, in this order:
 *
 * 1. who its tab was before a reload, if that is kept and its lock free (a duplicated tab copies the note, and finds the lock taken);
 * 2. a client whose tab is gone: its gestures go on under their numbers, and undo knows its person;
 * 3. somebody new.
 *
 * Without locks (a page that is not secure) nobody can tell whether another tab lives, so each page is somebody new; what others left
 * unsent is sent for them all the same, under their own names, where a repeat does no harm.
 */
export async function claimClient(locks: Locks, known: readonly string[], notes: TabNotes | undefined): Promise<string> {
  const claimed = locks.there ? await claimKnown(locks, known, notes) : undefined;
  const client = claimed ?? freshClient();
  if (claimed === undefined && locks.there) await locks.take(lockOf(client));
  notes?.setItem(TAB_KEY, client);
  return client;
}

async function claimKnown(locks: Locks, known: readonly string[], notes: TabNotes | undefined): Promise<string | undefined> {
  const before = notes?.getItem(TAB_KEY);
  // One that is not kept has lost its key: nobody can speak for it any more.
  for (let tries = 0; before && known.includes(before) && tries < RELOAD_TRIES; tries += 1) {
    if (await locks.take(lockOf(before))) return before;
    await new Promise((resolve) => setTimeout(resolve, RELOAD_PAUSE_MS));
  }
  for (const client of known) {
    if (client !== before && (await locks.take(lockOf(client)))) return client;
  }
  return undefined;
}
