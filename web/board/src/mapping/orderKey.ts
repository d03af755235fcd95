/** The least integer, below which no key could be made: the component takes it for none. */
const LEAST = `A${"0".repeat(26)}`;

/**
 * Whether an index is one that the component can put others before and after: a head that says how long the integer is, its digits, and a
 * fraction that does not end in 0. It throws at any other, when somebody draws.
 */
export function isOrderKey(index: unknown): index is string {
  if (typeof index !== "string" || !/^[A-Za-z][0-9A-Za-z]*$/.test(index) || index === LEAST) return false;
  const length = integerLength(index.charCodeAt(0));
  return index.length >= length && !index.slice(length).endsWith("0");
}

/** How long the integer is, with its head: it grows from "a" up, and from "Z" down. */
function integerLength(head: number): number {
  return head >= 97 ? head - 97 + 2 : 90 - head + 2;
}
