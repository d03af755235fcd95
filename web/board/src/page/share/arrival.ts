import type { Role } from "@pgcanvas/client";
import { ask } from "../api.js";
import { keepLink, linkOf, tokenIn } from "./links.js";

const RANK: Readonly<Record<Role, number>> = { viewer: 1, editor: 2, owner: 3 };

/**
 * Takes the link out of the address, where it might be read over a shoulder or copied on, and keeps it for the room. Who has a better one
 * already, because the room is theirs, keeps that.
 */
export async function arrive(room: string): Promise<void> {
  const came = tokenIn(location.hash);
  if (came === undefined) return;
  history.replaceState(history.state, "", location.pathname + location.search);
  const kept = linkOf(room);
  if (kept === came) return;
  const better = kept !== undefined && (await rankWith(room, kept)) > (await rankWith(room, came));
  if (!better) keepLink(room, came);
}

/** How much a link lets one do; 0 for nothing. */
async function rankWith(room: string, token: string): Promise<number> {
  const asked = ask<{ role?: Role }>(`/api/rooms/${room}`, { headers: { "x-pgcanvas-link": token } });
  return asked.then(({ role }) => (role ? RANK[role] : 0), () => 0);
}
