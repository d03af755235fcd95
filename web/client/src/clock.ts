/** Time and chance, so that tests can have their own. */
export interface Clock {
  /** Milliseconds since some moment. */
  now(): number;
  /** Calls once after a while; gives what calls it off. */
  after(delayMs: number, call: () => void): () => void;
  /** A number from 0 up to, not including, 1. */
  random(): number;
}

/** The clock of the machine. */
export const systemClock: Clock = {
  now: () => Date.now(),
  after(delayMs, call) {
    const timer = setTimeout(call, delayMs);
    return () => clearTimeout(timer);
  },
  random: Math.random,
};
