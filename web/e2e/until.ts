/** Polls a condition until it is true; after the deadline it fails with what was awaited and what was seen last. */
export async function until(what: string, test: () => Promise<unknown> | unknown, withinMs = 20_000): Promise<void> {
  const deadline = Date.now() + withinMs;
  let seen: unknown;
  while (Date.now() < deadline) {
    try {
      seen = await test();
      if (seen) return;
    } catch (failure) {
      seen = failure;
    }
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
  throw new Error(`not within ${withinMs} ms: ${what} (last: ${String(seen)})`);
}
