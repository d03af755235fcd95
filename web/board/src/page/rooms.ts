import type { Role } from "@pgcanvas/client";
import { ask, post, Refusal } from "./api.js";
import { keepLink, linkedRooms, linkOf } from "./share/links.js";
import type { Visibility } from "./share/rights.js";

/** A room as the node tells of it. */
export interface RoomRow {
  readonly slug: string;
  readonly shapes: number;
  readonly seq: number;
  readonly min_since: number;
  readonly touched_at: string;
  /** Who made the last batch; none while there is none. */
  readonly touched_by?: string | null;
  readonly visibility: Visibility;
  /** What one may do there. */
  readonly role?: Role;
}

/** So many rooms that one came into by a link are asked for. */
const MAX_LINKED = 30;

/** The rooms that everybody sees, and those that this browser has links for, the last touched first. */
export async function listRooms(): Promise<RoomRow[]> {
  const { rooms } = await ask<{ rooms: RoomRow[] }>("/api/rooms");
  const listed = new Set(rooms.map(({ slug }) => slug));
  const others = linkedRooms().filter((slug) => !listed.has(slug)).slice(0, MAX_LINKED);
  const linked = await Promise.all(others.map(byLink));
  return [...rooms, ...linked.flatMap((room) => room ?? [])].sort((left, right) => right.touched_at.localeCompare(left.touched_at));
}

/** A room that is not listed; a link that lets nobody in any more is forgotten. */
async function byLink(slug: string): Promise<RoomRow | undefined> {
  return readRoom(slug).catch((failure: unknown) => {
    if (failure instanceof Refusal && failure.code === "not_found") keepLink(slug, undefined);
    return undefined;
  });
}

/** One room. */
export function readRoom(room: string): Promise<RoomRow> {
  return ask<RoomRow>(`/api/rooms/${room}`);
}

/** Makes a room; without a name one is drawn. Gives its name. Whoever makes it as a guest owns it by a link, which this browser keeps. */
export async function makeRoom(slug: string, visibility: Visibility): Promise<string> {
  const made = await post<RoomRow & { link?: { token: string } }>("/api/rooms", { ...(slug === "" ? {} : { slug }), ...(visibility === "open" ? {} : { visibility }) });
  if (made.link) keepLink(made.slug, made.link.token);
  return made.slug;
}

/** Where a room's picture is; a browser asks for pictures without saying by what link. */
export function pictureOf(room: string): string {
  const link = linkOf(room);
  return `/api/rooms/${room}/picture.svg${link === undefined ? "" : `?link=${encodeURIComponent(link)}`}`;
}
