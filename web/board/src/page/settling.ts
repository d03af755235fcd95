import { systemClock, type Clock, type Status } from "@pgcanvas/client";

/** What is in the way of a good connection is told when it takes longer than this: what passes sooner needs no words. */
const PATIENCE_MS = 600;

/**
 * Shows statuses, without what passes in a moment: what is not calm is shown when it has lasted for a while, however often it changed
 * meanwhile. The time counts from when the connection was lost, or the oldest batch that waits was made.
 */
export class Settling {
  private cancel: (() => void) | undefined;
  private newest: Status | undefined;
  private lostMs: number | undefined;
  private isCalm = true;

  constructor(
    private readonly show: (status: Status) => void,
    private readonly clock: Clock = systemClock,
  ) {}

  /** It is so now. */
  take(status: Status): void {
    this.newest = status;
    this.lostMs = status.phase === "live" ? undefined : (this.lostMs ?? this.clock.now());
    this.stop();
    // What is told already is kept true.
    if (isCalm(status) || !this.isCalm) return this.settle();
    const beganMs = Math.min(this.lostMs ?? Infinity, status.unsentSinceMs ?? Infinity);
    this.cancel = this.clock.after(Math.max(0, beganMs + PATIENCE_MS - this.clock.now()), () => this.settle());
  }

  /** Shows nothing any more. */
  stop(): void {
    this.cancel?.();
  }

  private settle(): void {
    if (!this.newest) return;
    this.isCalm = isCalm(this.newest);
    this.show(this.newest);
  }
}

function isCalm({ phase, unsent }: Status): boolean {
  return phase === "live" && unsent === 0;
}
