import type { Shape } from "@pgcanvas/client";
import { ask, post } from "../api.js";
import { LONG_SILENCE_MS } from "../request.js";
import type { Speaker } from "../session.js";
import { keepLink } from "../share/links.js";

/** One batch, as the node tells of it. */
export interface Batch {
  readonly seq: number;
  readonly by: string;
  readonly at: string;
  readonly puts: number;
  readonly patches: number;
  readonly appends: number;
  readonly deletes: number;
}

const PAGE = 10_000;

/** The batches before a seq, newest first, a page of them; `next` is where the next page begins. */
export function readHistory(room: string, before: number | undefined, limit = 200): Promise<{ batches: Batch[]; next: number | null }> {
  const from = before === undefined ? "" : `&before=${before}`;
  return ask(`/api/rooms/${room}/history?limit=${limit}${from}`, {}, LONG_SILENCE_MS);
}

/** The board after a batch, whole. */
export async function boardAt(room: string, seq: number, signal: AbortSignal): Promise<Shape[]> {
  const shapes: Shape[] = [];
  let after = "";
  for (;;) {
    const page: { shapes: Shape[]; next: string | null } = await ask(`/api/rooms/${room}/at/${seq}?limit=${PAGE}${after}`, { signal }, LONG_SILENCE_MS);
    shapes.push(...page.shapes);
    if (page.next === null) return shapes;
    after = `&after=${encodeURIComponent(page.next)}`;
  }
}

/** Brings the board back to what it was, as a new batch of this client; tells how many shapes that changed. */
export function restoreTo(room: string, seq: number, client: Speaker, opId: number): Promise<{ restored: number }> {
  const body = JSON.stringify({ seq, client: client.id, op_id: opId });
  return ask(`/api/rooms/${room}/restore`, { method: "POST", body, ...(client.key === undefined ? {} : { headers: { "x-pgcanvas-key": client.key } }) }, LONG_SILENCE_MS);
}

/** Makes a room of what the board was; without a name one is drawn. */
export async function branchAt(room: string, seq: number, slug: string): Promise<{ slug: string }> {
  const made = await post<{ slug: string; link?: { token: string } }>(`/api/rooms/${room}/branch`, slug === "" ? { seq } : { seq, slug }, LONG_SILENCE_MS);
  if (made.link) keepLink(made.slug, made.link.token);
  return made;
}
