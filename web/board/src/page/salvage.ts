import { idOf, type Op, type Rejection, type Room } from "@pgcanvas/client";

/** What a node refuses for what it is, and not for who sends it or what others did. */
const FOR_ITSELF: ReadonlySet<string> = new Set(["invalid", "too_large"]);

/** What of a gesture is told again, in several parts. */
type Parts = readonly (readonly Op[])[];

/**
 * A gesture that a node refused, in parts: one shape that it does not take must not take the others along. Where the node says which one it is,
 * that one is by itself; else each half is tried. None where there is one shape alone, or another reason.
 */
export function partsOf({ code, message, op_id, batch }: Rejection): Parts | undefined {
  if (!FOR_ITSELF.has(code) || batch.verb !== "ops" || op_id === 0) return undefined;
  const ids = [...new Set(batch.ops.map(idOf))];
  if (ids.length < 2) return undefined;
  const refused = batch.ops[Number(/^ops\[(\d+)\]/.exec(message)?.[1] ?? -1)];
  const first = new Set(refused ? [idOf(refused)] : ids.slice(0, Math.ceil(ids.length / 2)));
  const ops = batch.ops.map(({ base: _, ...op }) => op as Op);
  return [ops.filter((op) => !first.has(idOf(op))), ops.filter((op) => first.has(idOf(op)))];
}

/** Tells the room again what it can of a gesture that was refused; whether it did. What is refused by itself is not told again. */
export function salvage(room: Room, refresh: (ids: readonly string[]) => void, rejection: Rejection): boolean {
  const parts = partsOf(rejection);
  const { gesture = rejection.op_id } = rejection.batch;
  for (const part of parts ?? []) {
    room.edit(part, gesture);
    refresh(part.map(idOf));
  }
  return parts !== undefined;
}
