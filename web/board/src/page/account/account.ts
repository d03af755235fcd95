import { useSyncExternalStore } from "react";
import { recall, recallJson, remember } from "../../storage.js";

/** Somebody who signed in, in this browser. */
export interface Account {
  /** The login, by which the log names what this person draws. */
  readonly id: string;
  readonly name: string;
  readonly token: string;
}

const KEY = "pgcanvas.account";
/** That the last sign-in of this browser ended without having been asked to. */
const ENDED = "pgcanvas.ended";
const watchers = new Set<() => void>();

let present = read();

/** Who is signed in; nobody is a guest. */
export function account(): Account | undefined {
  return present;
}

/** Who is signed in, as it changes, in another tab too. */
export function useAccount(): Account | undefined {
  return useSyncExternalStore(watch, account);
}

/** Calls when somebody else is signed in. */
export function watch(changed: () => void): () => void {
  watchers.add(changed);
  return () => watchers.delete(changed);
}

/** This person is signed in from now on, or nobody is. */
export function become(next: Account | undefined): void {
  remember(ENDED, undefined);
  take(next);
}

/** The node does not take the sign-in any more: this person is a guest until they sign in anew. */
export function end(): void {
  if (present) remember(ENDED, present.id);
  take(undefined);
}

/** Whether a sign-in ended, and nobody has signed in or out since. */
export function hasEnded(): boolean {
  return present === undefined && recall(ENDED) !== undefined;
}

function take(next: Account | undefined): void {
  present = next;
  remember(KEY, next && JSON.stringify(next));
  for (const changed of watchers) changed();
}

function read(): Account | undefined {
  return recallJson(KEY, (value): value is Account => typeof value === "object" && value !== null && "token" in value && "id" in value);
}

addEventListener("storage", ({ key }) => {
  if (key !== KEY && key !== null) return;
  const before = present?.token;
  present = read();
  if (before !== present?.token) for (const changed of watchers) changed();
});
