import type { Role } from "@pgcanvas/client";
import { ask } from "../api.js";
import { isSilence } from "../asking.js";
import { areLinksKept, keepLink, linkOf, tokenIn } from "./links.js";

const RANK: Readonly<Record<Role, number>> = { viewer: 1, editor: 2, owner: 3 };

/** How long the board waits for a node to say what a link lets one do, and between two attempts after that. */
const WEIGH_MS = 5000;

/**
 * Takes the link out of the address, where it might be read over a shoulder or copied on, and keeps it for the room. Who has a better one
 * already, because the room is theirs, keeps that. While no node says which is better, the kept one holds; the other waits with the tab.
 */
export async function arrive(room: string): Promise<void> {
  const came = tokenIn(location.hash) ?? waiting();
  if (came === undefined) return;
  const kept = linkOf(room);
  history.replaceState({ link: came }, "", location.pathname + location.search);
  if (kept === undefined || kept === came) return settle(room, came);
  const better = await betterOf(room, kept, came);
  if (better !== undefined) settle(room, better);
  else setTimeout(() => void weighOn(room, kept, came), WEIGH_MS);
}

/** Asks on until a node answers; who comes in by another link does so anew. */
async function weighOn(room: string, kept: string, came: string): Promise<void> {
  const better = await betterOf(room, kept, came);
  if (better === undefined) return void setTimeout(() => void weighOn(room, kept, came), WEIGH_MS);
  settle(room, better);
  if (better === came) location.reload();
}

/** A link that came and was not weighed yet. */
function waiting(): string | undefined {
  const state = history.state as { link?: unknown } | null;
  return typeof state?.link === "string" ? state.link : undefined;
}

function settle(room: string, link: string): void {
  keepLink(room, link);
  // Where the browser does not keep it the tab does: it is there after a reload.
  history.replaceState(areLinksKept() ? null : { link }, "", location.pathname + location.search);
}

/** Which of two links lets one do more, the one that came where both are as good; nothing while no node answers. */
async function betterOf(room: string, kept: string, came: string): Promise<string | undefined> {
  const [mine, theirs] = await Promise.all([rankWith(room, kept), rankWith(room, came)]);
  if (mine === undefined || theirs === undefined) return undefined;
  return mine > theirs ? kept : came;
}

/** How much a link lets one do; 0 for nothing, and none while no node answers. */
async function rankWith(room: string, token: string): Promise<number | undefined> {
  const asked = ask<{ role?: Role }>(`/api/rooms/${room}`, { headers: { "x-pgcanvas-link": token } }, WEIGH_MS);
  return asked.then(({ role }) => (role ? RANK[role] : 0), (failure: unknown) => (isSilence(failure) ? undefined : 0));
}
