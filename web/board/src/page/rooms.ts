import { ask, post } from "./api.js";

/** A room as the node tells of it. */
export interface RoomRow {
  readonly slug: string;
  readonly shapes: number;
  readonly seq: number;
  readonly min_since: number;
  readonly touched_at: string;
  /** Who made the last batch; none while there is none. */
  readonly touched_by?: string | null;
}

/** The open rooms, the last touched first. */
export async function listRooms(): Promise<RoomRow[]> {
  const { rooms } = await ask<{ rooms: RoomRow[] }>("/api/rooms");
  return rooms.sort((left, right) => right.touched_at.localeCompare(left.touched_at));
}

/** One room. */
export function readRoom(room: string): Promise<RoomRow> {
  return ask<RoomRow>(`/api/rooms/${room}`);
}

/** Makes a room; without a name one is drawn. Gives its name. */
export async function makeRoom(slug: string): Promise<string> {
  return (await post<RoomRow>("/api/rooms", slug === "" ? {} : { slug })).slug;
}
