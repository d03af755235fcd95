/** The seed of this run's generators, told, and taken from PGCANVAS_TEST_SEED. */
export function seeded(numRuns = 200): { seed: number; numRuns: number } {
  const given = process.env["PGCANVAS_TEST_SEED"];
  const seed = given === undefined ? Math.floor(Math.random() * 2 ** 31) : Number(given);
  console.info(`PGCANVAS_TEST_SEED=${seed}`);
  return { seed, numRuns };
}
