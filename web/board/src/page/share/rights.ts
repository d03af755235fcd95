import type { Role } from "@pgcanvas/client";
import { ask, post } from "../api.js";

/** Tries something on the node; what fails is told to the person, and gives nothing. */
export type Try = <T>(work: Promise<T>) => Promise<T | undefined>;

/** What a room gives everybody. */
export type Visibility = "open" | "readable" | "private";

/** A link that lets in whoever has it. */
export interface Link {
  readonly id: string;
  readonly role: Role;
  readonly created_by: string | null;
  readonly created_at: string;
  readonly expires_at: string | null;
  /** Told once, when it is made. */
  readonly token?: string;
}

/** Somebody who has a right in a room under their own login. */
export interface Member {
  readonly user: string;
  readonly name: string;
  readonly role: Role;
}

/** What a room gives everybody from now on. */
export function setVisibility(room: string, visibility: Visibility): Promise<unknown> {
  return ask(`/api/rooms/${room}`, { method: "PATCH", body: JSON.stringify({ visibility }) });
}

/** The links of a room that count. */
export async function listLinks(room: string): Promise<readonly Link[]> {
  return (await ask<{ links: Link[] }>(`/api/rooms/${room}/links`)).links;
}

/** Makes a link; its token is told only now. */
export function makeLink(room: string, role: Role, days: number | undefined): Promise<Link> {
  return post(`/api/rooms/${room}/links`, { role, ...(days === undefined ? {} : { expires_in_days: days }) });
}

/** A link lets nobody in any more. */
export function revokeLink(room: string, id: string): Promise<unknown> {
  return ask(`/api/rooms/${room}/links/${id}`, { method: "DELETE" });
}

/** The members of a room. */
export async function listMembers(room: string): Promise<readonly Member[]> {
  return (await ask<{ members: Member[] }>(`/api/rooms/${room}/members`)).members;
}

/** Gives somebody a right, or another one. */
export function setMember(room: string, user: string, role: Role): Promise<unknown> {
  return ask(`/api/rooms/${room}/members/${encodeURIComponent(user)}`, { method: "PUT", body: JSON.stringify({ role }) });
}

/** Takes somebody's right back. */
export function dropMember(room: string, user: string): Promise<unknown> {
  return ask(`/api/rooms/${room}/members/${encodeURIComponent(user)}`, { method: "DELETE" });
}
