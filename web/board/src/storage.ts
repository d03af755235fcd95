/** What the browser did not keep: it holds as long as the page. */
const unkept = new Map<string, string | undefined>();

/** What this browser keeps of a person, by name; nothing where it keeps nothing. */
export function recall(key: string): string | undefined {
  if (unkept.has(key)) return unkept.get(key);
  try {
    return localStorage.getItem(key) ?? undefined;
  } catch {
    return undefined;
  }
}

/** Keeps it, or forgets it. A browser that is full or keeps nothing is no reason to stop: then it holds as long as the page. */
export function remember(key: string, value: string | undefined): void {
  try {
    if (value === undefined) localStorage.removeItem(key);
    else localStorage.setItem(key, value);
    unkept.delete(key);
  } catch {
    unkept.set(key, value);
  }
}

/** Whether the browser has it, so that the next page does. */
export function isKept(key: string): boolean {
  return !unkept.has(key);
}

/** What is kept as JSON, if it is what is expected. */
export function recallJson<T>(key: string, fits: (value: unknown) => value is T): T | undefined {
  try {
    const value: unknown = JSON.parse(recall(key) ?? "null");
    return fits(value) ? value : undefined;
  } catch {
    return undefined;
  }
}
