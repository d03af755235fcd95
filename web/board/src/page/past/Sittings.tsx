import { useMemo } from "react";
import { nameOf } from "../../people/names.js";
import { ago, moment } from "../when.js";
import type { Batch } from "./past.js";
import { sittingsOf, wordsOf } from "./sittings.js";

interface Given {
  /** None before they could be read. */
  readonly batches: readonly Batch[] | undefined;
  readonly seq: number | undefined;
  readonly me: string;
  readonly go: (seq: number) => void;
  readonly more: (() => void) | undefined;
}

/** Who did what, newest first. */
export function Sittings({ batches, seq = 0, me, go, more }: Given) {
  const sittings = useMemo(() => sittingsOf(batches ?? []), [batches]);
  return (
    <ol className="sittings" aria-label="Who did what">
      {batches?.length === 0 && <li className="quiet">Nothing happened here yet.</li>}
      {sittings.map((sitting) => (
        <li key={sitting.to}>
          <button type="button" aria-current={seq >= sitting.from && seq <= sitting.to ? "step" : undefined} onClick={() => go(sitting.to)}>
            <strong>{nameOf(sitting.by, me)}</strong>
            <time dateTime={sitting.at} title={moment(sitting.at)}>{ago(sitting.at)}</time>
            <span>{wordsOf(sitting)}</span>
          </button>
        </li>
      ))}
      {more && <li><button type="button" className="earlier" onClick={more}>Show earlier</button></li>}
    </ol>
  );
}
