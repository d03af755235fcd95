import type { Room, Shape } from "@pgcanvas/client";
import { useEffect, useRef, useState } from "react";
import { isSilence, keepAsking } from "../asking.js";
import { readRoom } from "../rooms.js";
import { boardAt, readHistory, type Batch } from "./past.js";

/** The stretch of a room's past that is kept. */
export interface Stretch {
  readonly first: number;
  readonly last: number;
}

/** Boards that were shown lately are shown again at once. */
const KEPT_BOARDS = 60;
/** How long it is waited for more, when others draw, before the past is read anew. */
const FOLLOW_MS = 300;
/** Between two attempts when nothing can be read. */
const AGAIN_MS = 2000;

/** Where the room's past begins and ends: it goes on while others draw, and is read anew when the room tells of it. */
export function useStretch(room: Room, tell: (trouble: string) => void): Stretch | undefined {
  const [stretch, setStretch] = useState<Stretch | undefined>();
  useEffect(() => {
    let timer: ReturnType<typeof setTimeout> | undefined;
    let hasFailed = false;
    let isLeft = false;
    const take = (read: Stretch) => {
      setStretch((known) => (known?.first === read.first && known.last === read.last ? known : read));
      if (hasFailed) tell("");
      hasFailed = false;
    };
    const fail = (failure: Error) => {
      if (isLeft) return;
      hasFailed = true;
      tell(failure.message);
      if (isSilence(failure)) timer ??= setTimeout(read, AGAIN_MS);
    };
    const read = () => {
      timer = undefined;
      readRoom(room.name).then(({ min_since, seq }) => take({ first: min_since, last: seq }), fail);
    };
    const soon = () => {
      timer ??= setTimeout(read, FOLLOW_MS);
    };
    const offs = [room.on("change", soon), room.on("status", soon)];
    read();
    return () => {
      isLeft = true;
      clearTimeout(timer);
      for (const off of offs) off();
    };
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
    const take = (shapes: Shape[]) => {
      keep(kept.current, seq, shapes);
      show(shapes);
    };
    const stop = keepAsking(() => boardAt(room, seq, asking.signal), take, tell);
    return () => {
      stop();
      asking.abort();
    };
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

/** What was read of the batches, newest first; `next` is where earlier ones begin. */
interface Read {
  readonly batches: readonly Batch[];
  readonly next: number | null;
}

/** The batches, newest first, none before they are read; `more` reads on, while there is more. */
export function useBatches(room: string, stretch: Stretch | undefined, tell: (trouble: string) => void): { batches: readonly Batch[] | undefined; more: (() => void) | undefined } {
  const [read, setRead] = useState<Read | undefined>();
  useEffect(() => (stretch ? keepAsking(() => readHistory(room, stretch.last + 1), (page) => setRead((known) => withNewer(known, page)), tell) : undefined), [room, stretch, tell]);
  const earlier = (before: number) => readHistory(room, before).then((page) => setRead((known) => withEarlier(known, page)), (failure: Error) => tell(failure.message));
  const next = read?.next ?? null;
  return { batches: read?.batches, more: next === null ? undefined : () => void earlier(next) };
}

/** What is known with a page of the newest; where more happened meanwhile than is on a page, that page is the beginning. */
function withNewer(known: Read | undefined, page: Read): Read {
  const newest = known?.batches[0]?.seq;
  if (!known || newest === undefined || !page.batches.some(({ seq }) => seq <= newest)) return page;
  return { batches: [...page.batches.filter(({ seq }) => seq > newest), ...known.batches], next: known.next };
}

function withEarlier(known: Read | undefined, page: Read): Read {
  const last = known?.batches.at(-1)?.seq ?? Infinity;
  return { batches: [...(known?.batches ?? []), ...page.batches.filter(({ seq }) => seq < last)], next: page.next };
}
