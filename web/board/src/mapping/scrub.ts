import type { Json } from "@pgcanvas/client";

/** The largest number that a row keeps; beyond it the server refuses the whole gesture. */
const MOST = 1e30;

/** The text as PostgreSQL can keep it: without U+0000, and with U+FFFD for halves of characters. */
export function scrubText(text: string): string {
  return text.replaceAll("\u0000", "").toWellFormed();
}

/** The value as JSON and PostgreSQL can keep it; none for what is no value at all. */
export function scrub(value: unknown): Json | undefined {
  switch (typeof value) {
    case "string":
      return scrubText(value);
    case "boolean":
      return value;
    case "number":
      return scrubNumber(value);
    case "object":
      return scrubObject(value);
    default:
      return undefined;
  }
}

function scrubNumber(value: number): Json {
  if (!Number.isFinite(value)) return null;
  // -0 is 0 in JSON.
  return Math.max(-MOST, Math.min(MOST, value)) + 0;
}

function scrubObject(value: object | null): Json {
  if (value === null) return null;
  if (Array.isArray(value)) return value.map((item) => scrub(item) ?? null);
  const members: Record<string, Json> = {};
  for (const [name, member] of Object.entries(value)) {
    const kept = scrub(member);
    if (kept !== undefined) Object.defineProperty(members, scrubText(name), { value: kept, enumerable: true, writable: true, configurable: true });
  }
  return members;
}
