import { idOf, type Json, type JsonObject, type Op, type Peer, type Shape } from "@pgcanvas/client";
import { rowFits } from "../mapping/index.js";

/** What others have in hand, by shape: the ops that they will send when they let go. */
export function inOtherHands(peers: Iterable<Peer>, self: string | undefined): Map<string, Op> {
  const found = new Map<string, Op>();
  for (const { session, state } of peers) {
    if (session === self) continue;
    const drag = state["drag"];
    for (const told of Array.isArray(drag) ? drag : []) {
      const op = readOp(told);
      if (op) found.set(idOf(op), op);
    }
  }
  return found;
}

/** An op that only shows a shape otherwise, if that is what it is: anybody may send anything, and no database looked at it. */
function readOp(told: Json): Op | undefined {
  if (!isObject(told)) return undefined;
  const { op, id, shape, set } = told;
  if (op === "put" && isObject(shape) && typeof shape["id"] === "string" && typeof shape["kind"] === "string" && rowFits(shape)) {
    return { op, shape: shape as unknown as Shape };
  }
  // A patch that gave a shape another name would show it twice.
  const fits = isObject(set) && !Object.hasOwn(set, "id") && rowFits(set);
  return op === "patch" && typeof id === "string" && fits ? { op, id, set } : undefined;
}

function isObject(value: Json | undefined): value is JsonObject {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}
