/** The seed of this run's generators; it is told by fast-check when a property fails, and taken from PGCANVAS_TEST_SEED. */
export function seeded(numRuns = 300): { seed: number; numRuns: number } {
  const given = process.env["PGCANVAS_TEST_SEED"];
  const seed = given === undefined ? Math.floor(Math.random() * 2 ** 31) : Number(given);
  console.info(`PGCANVAS_TEST_SEED=${seed}`);
  return { seed, numRuns };
}
