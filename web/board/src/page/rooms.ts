/** A room as the node tells of it. */
export interface RoomRow {
  readonly slug: string;
  readonly shapes: number;
  readonly touched_at: string;
}

/** The open rooms, the last touched first. */
export async function listRooms(): Promise<RoomRow[]> {
  const { rooms } = await answered<{ rooms: RoomRow[] }>(await fetch("/api/rooms"));
  return rooms.sort((left, right) => right.touched_at.localeCompare(left.touched_at));
}

/** Makes a room; without a name one is drawn. Gives its name. */
export async function makeRoom(slug: string): Promise<string> {
  const body = JSON.stringify(slug === "" ? {} : { slug });
  return (await answered<RoomRow>(await fetch("/api/rooms", { method: "POST", body }))).slug;
}

async function answered<T>(answer: Response): Promise<T> {
  const body: unknown = await answer.json().catch(() => undefined);
  if (answer.ok) return body as T;
  const said = (body as { error?: { message?: string } } | undefined)?.error?.message;
  throw new Error(said ?? `the node answered ${answer.status}`);
}
