/** The first pause, before jitter. */
const FIRST_MS = 250;
/** The longest pause. */
const LONGEST_MS = 15_000;

/** The pause after so many failures before the last one: it doubles, and half of it is chance, so that the clients of a dead node do not come back as one. */
export function backoffMs(failures: number, random: () => number): number {
  const full = Math.min(FIRST_MS * 2 ** Math.min(Math.max(failures, 0), 16), LONGEST_MS);
  return full * (0.5 + 0.5 * random());
}
