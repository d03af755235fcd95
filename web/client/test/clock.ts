import type { Clock } from "../src/clock.js";

/** A clock that goes when it is told to. */
export class HandClock implements Clock {
  private nowMs = 1000;
  private calls: { atMs: number; call: () => void }[] = [];
  /** Chance gives this. */
  chance = 0;

  now(): number {
    return this.nowMs;
  }

  random(): number {
    return this.chance;
  }

  after(delayMs: number, call: () => void): () => void {
    const entry = { atMs: this.nowMs + delayMs, call };
    this.calls.push(entry);
    return () => {
      this.calls = this.calls.filter((other) => other !== entry);
    };
  }

  /** Lets so much time pass. */
  pass(ms: number): void {
    const endMs = this.nowMs + ms;
    for (;;) {
      const next = this.calls.filter(({ atMs }) => atMs <= endMs).sort((left, right) => left.atMs - right.atMs)[0];
      if (!next) break;
      this.calls = this.calls.filter((other) => other !== next);
      this.nowMs = Math.max(this.nowMs, next.atMs);
      next.call();
    }
    this.nowMs = endMs;
  }
}
