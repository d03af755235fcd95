import type { Shape } from "@pgcanvas/client";
import { useEffect, useRef, useState } from "react";
import { readRoom } from "../rooms.js";
import { boardAt, readHistory, type Batch } from "./past.js";

/** The stretch of a room's past that is kept. */
export interface Stretch {
  readonly first: number;
  readonly last: number;
}

/** Boards that were shown lately are shown again at once. */
const KEPT_BOARDS = 60;

/** Where the room's past begins and ends. */
export function useStretch(room: string, tell: (trouble: string) => void): Stretch | undefined {
  const [stretch, setStretch] = useState<Stretch | undefined>();
  useEffect(() => {
    readRoom(room).then(({ min_since, seq }) => setStretch({ first: min_since, last: seq }), (failure: Error) => tell(failure.message));
  }, [room, tell]);
  return stretch;
}

/** The board at a seq: the last one that came while the next is on its way. */
export function useBoardAt(room: string, seq: number | undefined, tell: (trouble: string) => void): { seq: number; shapes: Shape[] } | undefined {
  const [board, setBoard] = useState<{ seq: number; shapes: Shape[] } | undefined>();
  const kept = useRef(new Map<number, Shape[]>());
  useEffect(() => {
    if (seq === undefined) return undefined;
    const show = (shapes: Shape[]) => {
      tell("");
      setBoard({ seq, shapes });
    };
    const known = kept.current.get(seq);
    if (known) {
      show(known);
      return undefined;
    }
    const asking = new AbortController();
    boardAt(room, seq, asking.signal).then(
      (shapes) => {
        keep(kept.current, seq, shapes);
        show(shapes);
      },
      (failure: Error) => asking.signal.aborted || tell(failure.message),
    );
    return () => asking.abort();
  }, [room, seq, tell]);
  return board;
}

function keep(kept: Map<number, Shape[]>, seq: number, shapes: Shape[]): void {
  kept.set(seq, shapes);
  for (const oldest of kept.keys()) {
    if (kept.size <= KEPT_BOARDS) return;
    kept.delete(oldest);
  }
}

/** The batches, newest first; `more` reads on, while there is more. */
export function useBatches(room: string, stretch: Stretch | undefined, tell: (trouble: string) => void): { batches: readonly Batch[]; more: (() => void) | undefined } {
  const [batches, setBatches] = useState<readonly Batch[]>([]);
  const [next, setNext] = useState<number | null>(null);
  const read = (before: number) =>
    readHistory(room, before).then(
      (page) => {
        setBatches((known) => [...known.filter(({ seq }) => seq >= before), ...page.batches]);
        setNext(page.next);
      },
      (failure: Error) => tell(failure.message),
    );
  useEffect(() => {
    if (stretch) void read(stretch.last + 1);
  }, [room, stretch]);
  return { batches, more: next === null ? undefined : () => void read(next) };
}
