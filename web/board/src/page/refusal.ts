import { idOf, type Rejection, type Shape } from "@pgcanvas/client";

/** What people call the kinds of shapes. */
const CALLED: ReadonlyMap<unknown, string> = new Map([
  ["freedraw", "A stroke"], ["text", "A text"], ["line", "A line"], ["arrow", "An arrow"], ["image", "A picture"], ["frame", "A frame"],
]);

/** Why a gesture, or a shape of it, was taken back, in words for a person; `shapeOf` tells what is on the board in its place. */
export function whyRejected({ code, message, batch }: Rejection, shapeOf: (id: string) => Shape | undefined): string {
  switch (code) {
    case "forbidden":
      return "You may not draw here any more: what you did last was taken back.";
    case "conflict":
      return "Somebody else changed that before you: look at it and try again.";
    case "too_large":
      return tooLarge(batch.ops, shapeOf);
    case "not_found":
      return "This board was deleted.";
    default:
      return `The board did not take that: ${message}`;
  }
}

function tooLarge(ops: Rejection["batch"]["ops"], shapeOf: (id: string) => Shape | undefined): string {
  const ids = [...new Set(ops.map(idOf))];
  const isThere = ids.some((id) => shapeOf(id) !== undefined);
  if (ids.length > 1) return `${ids.length} shapes are larger than this board takes: ${isThere ? "they are as they were before" : "they were not added"}.`;
  const [put] = ops.flatMap((op) => (op.op === "put" ? [op.shape] : []));
  const kind = (put ?? shapeOf(ids[0] ?? ""))?.kind;
  return `${CALLED.get(kind) ?? "A shape"} is larger than this board takes: it ${isThere ? "is as it was before" : "was not added"}.`;
}
