import { appended, idOf, patched, type Change, type Shape } from "../shape.js";
import type { Batch } from "../wire.js";

/** Where a copy of the board is: so many batches of this history. */
export interface At {
  readonly epoch: string;
  readonly seq: number;
}

/** What was told does not fit the copy: one of the two is wrong, and all is to be asked for anew. */
export class Misfit extends Error {}

/** Applies one batch of the server's order to the confirmed board. */
export function applyBatch(shapes: Map<string, Shape>, batch: Batch): void {
  for (const change of batch.changes) {
    const next = changed(shapes.get(idOf(change)), change, batch);
    if (next) shapes.set(next.id, next);
    else shapes.delete(idOf(change));
  }
}

function changed(shape: Shape | undefined, change: Change, batch: Batch): Shape | undefined {
  if (change.op === "put") return change.shape;
  if (!shape) throw new Misfit(`a ${change.op} of ${change.id}, which is not there`);
  if (change.op === "delete") return undefined;
  if (shape["version"] !== change.version - 1) throw new Misfit(`version ${change.version} of ${change.id} does not follow`);
  const next = change.op === "patch" ? patched(shape, change.set, change.unset) : appended(shape, change.points);
  return { ...next, version: change.version, seq: batch.seq, updated_by: batch.by, updated_at: batch.at };
}
