import type { Peer } from "@pgcanvas/client";
import { recallJson, remember } from "../storage.js";

const KEY = "pgcanvas.names";
/** So many are remembered, the last seen ones. */
const MAX_NAMES = 500;

let known: Map<string, string> | undefined;

/** Remembers what people are called: the node keeps who drew, not what they called themselves. */
export function meet(peers: Iterable<Peer>): void {
  const names = all();
  let met = false;
  for (const { user, name } of peers) {
    if (names.get(user) === name) continue;
    names.delete(user);
    names.set(user, name);
    met = true;
  }
  if (!met) return;
  known = new Map([...names].slice(-MAX_NAMES));
  remember(KEY, JSON.stringify([...known]));
}

/** What the author of a batch is called. */
export function nameOf(author: string, me: string | undefined): string {
  if (author === me) return "You";
  const role = /^sql:(.*)$/s.exec(author)?.[1];
  return role === undefined ? (all().get(author) ?? stranger(author)) : `${role} (SQL)`;
}

/** Somebody whom this browser never met: a login says who it is, a guest is one of many. */
function stranger(author: string): string {
  return author.replace(/^guest-([0-9a-f]{4})[0-9a-f]{4}$/, "Guest $1");
}

/** How the node calls a client that has not signed in. */
export function guestOf(client: string): string {
  return `guest-${client.slice(0, 8)}`;
}

function all(): Map<string, string> {
  known ??= read();
  return known;
}

function read(): Map<string, string> {
  return new Map(recallJson(KEY, (value): value is [string, string][] => Array.isArray(value) && value.every(Array.isArray)));
}
