import { pathOf } from "../place.js";
import { isKept, recallJson, remember } from "../../storage.js";

const KEY = "pgcanvas.links";
/** So many are kept, the last presented ones. */
const MAX_LINKS = 200;

/** The token of the link by which this browser may come into a room. */
export function linkOf(room: string): string | undefined {
  return all().get(room);
}

/** Keeps the link of a room, or forgets it. */
export function keepLink(room: string, token: string | undefined): void {
  const links = all();
  links.delete(room);
  if (token !== undefined) links.set(room, token);
  remember(KEY, JSON.stringify([...links].slice(-MAX_LINKS)));
}

/** The rooms that this browser has links for, the last one first. */
export function linkedRooms(): string[] {
  return [...all().keys()].reverse();
}

/** The token in an address that ends with `#link=…`. */
export function tokenIn(hash: string): string | undefined {
  return /^#link=([\w.~-]{1,512})$/.exec(hash)?.[1];
}

/** The address by which a link is handed on: behind the `#`, so that it is in no server's log. */
export function addressOf(origin: string, room: string, token?: string): string {
  return `${origin}/r/${room}${token === undefined ? "" : `#link=${token}`}`;
}

/** Whether the browser has the links, so that the next page does. */
export function areLinksKept(): boolean {
  return isKept(KEY);
}

/** Where a room is, for this very tab: its link goes along where the browser did not keep it. */
export function wayTo(room: string): string {
  return areLinksKept() ? pathOf(room) : addressOf("", room, linkOf(room));
}

function all(): Map<string, string> {
  return new Map(recallJson(KEY, (value): value is [string, string][] => Array.isArray(value) && value.every(Array.isArray)));
}
