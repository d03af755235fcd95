import type { Changes } from "../wire.js";
import type { Incoming } from "./incoming.js";

/** The first pause before something is sent again. */
const FIRST_PAUSE_MS = 250;
/** The longest pause. */
const LONGEST_PAUSE_MS = 4000;

/** A time until which nothing is sent, longer with every failure in a row. */
export class Pause {
  untilMs = 0;
  private failures = 0;

  /** It failed; the node may have said for how long. */
  begin(nowMs: number, retryAfterMs: number | undefined): void {
    const doubled = Math.min(FIRST_PAUSE_MS * 2 ** Math.min(this.failures, 16), LONGEST_PAUSE_MS);
    this.failures += 1;
    this.untilMs = nowMs + (retryAfterMs ?? doubled);
  }

  /** It worked. A pause that has begun goes on: it is another batch's. */
  reset(): void {
    this.failures = 0;
  }

  isOver(nowMs: number): boolean {
    return nowMs >= this.untilMs;
  }
}

/** Where the join of a connection is; while it is asked for, changes are of no account. */
export type Joining = "wanted" | "asked" | "whole" | "refused" | Incoming;

/** What is true of one connection alone, and forgotten with it. */
export class Link {
  joining: Joining = "wanted";
  /** The parts so far of a batch that goes on. */
  parts: Changes | undefined;
  /** Sent on this connection and not answered. */
  readonly inFlight = new Set<number>();
  readonly joinPause = new Pause();
  readonly batchPause = new Pause();

  constructor(
    readonly window: number,
    /** Whether batches are held back until it is known that they may be sent. */
    public holds = false,
  ) {}

  /** Asks for the room anew; what was gathered is dropped. */
  rejoin(): void {
    this.parts = undefined;
    this.joining = "wanted";
  }
}

/** The parts so far with the next one. */
export function gathered(parts: Changes | undefined, next: Changes): Changes {
  if (!parts) return next;
  const batches = [...parts.batches];
  for (const batch of next.batches) {
    const last = batches.at(-1);
    if (last?.seq === batch.seq) batches[batches.length - 1] = { ...last, changes: [...last.changes, ...batch.changes] };
    else batches.push(batch);
  }
  return { ...next, batches };
}
