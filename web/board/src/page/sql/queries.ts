/** Text as a literal of SQL. */
export function literal(text: string): string {
  return `'${text.replaceAll("'", "''")}'`;
}

/** The room, by its name or its number. */
function ofRoom(room: string): string {
  return /^\d+$/.test(room) ? `room_id = ${room}` : `room = ${literal(room)}`;
}

function among(column: string, ids: readonly string[]): string {
  return ids.length === 0 ? "" : `\n  and ${column} in (${ids.map(literal).join(", ")})`;
}

/** Reads these shapes, or all of the room when there are none, in the order in which they lie on each other. */
export function shapesQuery(room: string, ids: readonly string[]): string {
  const columns = "id, kind, x, y, width, height, text,\n  stroke_color, background_color, updated_by, updated_at, props";
  return `select ${columns}\nfrom pgcanvas.board_shapes\nwhere ${ofRoom(room)}${among("id", ids)}\norder by index, id;`;
}

/** Reads what happened to them. */
export function changesQuery(room: string, ids: readonly string[]): string {
  return `select seq, at, author, op, shape_id, change, before\nfrom pgcanvas.change_log\nwhere ${ofRoom(room)}${among("shape_id", ids)}\norder by seq desc, ordinal;`;
}
