import type { Batch } from "./past.js";

/** Longer pauses than this divide what one person did. */
const PAUSE_MS = 60_000;

/** What one person did without a long pause or somebody else in between. */
export interface Sitting {
  readonly by: string;
  /** The first and last batch. */
  readonly from: number;
  readonly to: number;
  /** When it ended. */
  readonly at: string;
  readonly made: number;
  readonly changed: number;
  readonly deleted: number;
}

/** Batches, newest first, as sittings, newest first: a stroke alone is dozens of batches, and nobody wants to read them. */
export function sittingsOf(batches: readonly Batch[]): Sitting[] {
  const sittings: Sitting[] = [];
  let earliest = "";
  for (const batch of batches) {
    const last = sittings.at(-1);
    const goesOn = last?.by === batch.by && Date.parse(earliest) - Date.parse(batch.at) < PAUSE_MS;
    earliest = batch.at;
    if (last && goesOn) sittings[sittings.length - 1] = joined(last, batch);
    else sittings.push(joined({ by: batch.by, from: batch.seq, to: batch.seq, at: batch.at, made: 0, changed: 0, deleted: 0 }, batch));
  }
  return sittings;
}

function joined(sitting: Sitting, batch: Batch): Sitting {
  const { made, changed, deleted } = sitting;
  const changes = batch.patches + batch.appends;
  return { ...sitting, from: batch.seq, made: made + batch.puts, changed: changed + changes, deleted: deleted + batch.deletes };
}

/** What was done, in words. */
export function wordsOf({ made, changed, deleted }: Sitting): string {
  const parts = [part(made, "made"), part(changed, changed === 1 ? "change" : "changes"), part(deleted, "deleted")];
  return parts.filter((text) => text !== "").join(" · ");
}

function part(count: number, word: string): string {
  return count === 0 ? "" : `${count} ${word}`;
}
