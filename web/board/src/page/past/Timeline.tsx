import { nameOf } from "../../people/names.js";
import { moment } from "../when.js";
import type { Batch } from "./past.js";
import type { Stretch } from "./usePast.js";

interface Given {
  readonly stretch: Stretch;
  readonly seq: number;
  readonly batches: readonly Batch[];
  readonly me: string;
  readonly playing: boolean;
  readonly toggle: () => void;
  readonly go: (seq: number) => void;
}

/** A slider over all that happened, and what it stands at. */
export function Timeline({ stretch, seq, batches, me, playing, toggle, go }: Given) {
  const says = wordsAt(seq, stretch, batches, me);
  return (
    <div className="timeline">
      <button type="button" className="play" onClick={toggle} aria-label={playing ? "Pause" : "Play"} title={playing ? "Pause" : "Play"}>
        <svg viewBox="0 0 20 20" fill="currentColor" aria-hidden="true">
          <path d={playing ? "M5 4h3.5v12H5zM11.5 4H15v12h-3.5z" : "M6 3.5v13l10.5-6.5z"} />
        </svg>
      </button>
      <input
        type="range"
        aria-label="Point in time"
        aria-valuetext={says}
        min={stretch.first}
        max={stretch.last}
        value={seq}
        onChange={(event) => go(event.target.valueAsNumber)}
      />
      <output>{says}</output>
    </div>
  );
}

function wordsAt(seq: number, { first, last }: Stretch, batches: readonly Batch[], me: string): string {
  const step = `${seq} of ${last}`;
  const batch = batches.find((told) => told.seq === seq);
  if (seq === first && !batch) return `${step} · the beginning${first === 0 ? "" : " of what is kept"}`;
  if (!batch) return step;
  return `${step} · ${nameOf(batch.by, me)}, ${moment(batch.at)}${seq === last ? " · now" : ""}`;
}
