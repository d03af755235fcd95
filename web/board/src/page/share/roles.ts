import type { Role } from "@pgcanvas/client";
import { recallJson, remember } from "../../storage.js";

const KEY = "pgcanvas.roles";
const MAX_ROOMS = 200;

/** What one could do in a room the last time: offline, and before the node answers, it still holds. */
export function roleOf(room: string): Role | undefined {
  return all().get(room);
}

/** Keeps it. */
export function keepRole(room: string, role: Role): void {
  const roles = all();
  if (roles.get(room) === role) return;
  roles.delete(room);
  remember(KEY, JSON.stringify([...roles, [room, role]].slice(-MAX_ROOMS)));
}

function all(): Map<string, Role> {
  return new Map(recallJson(KEY, (value): value is [string, Role][] => Array.isArray(value) && value.every(Array.isArray)));
}
