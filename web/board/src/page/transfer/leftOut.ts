/** A shape that was not taken. */
export interface LeftOut {
  /** How a person knows it: its kind, and what is written in it or its name. */
  readonly name: string;
  readonly why: string;
}

/** So many are named; of more it is said how many there are. */
const MOST_NAMED = 2;
const MOST_CHARS = 24;

/** What is left out, for a reason. */
export function leftOut(given: unknown, why: string): LeftOut {
  const { type, id, text } = (typeof given === "object" && given !== null ? given : {}) as Readonly<Record<string, unknown>>;
  const kind = typeof type === "string" && type !== "" ? shortened(type) : "something that is no shape";
  const called = typeof text === "string" && text.trim() !== "" ? text : id;
  return { name: typeof called === "string" || typeof called === "number" ? `${kind} “${shortened(String(called))}”` : kind, why };
}

/** What became of shapes from outside, in words for people; nothing where there is nothing to say. */
export function told(added: number | undefined, left: readonly LeftOut[]): string {
  const sentences: string[] = [];
  if (added !== undefined) sentences.push(added === 1 ? "1 shape was added." : `${added} shapes were added.`);
  if (left.length > 0) sentences.push(`${left.length === 1 ? "1 was" : `${left.length} were`} left out: ${named(left)}.`);
  return sentences.join(" ");
}

function named(left: readonly LeftOut[]): string {
  const names = left.slice(0, MOST_NAMED).map(({ name, why }) => `${name}, because ${why}`);
  if (left.length > MOST_NAMED) names.push(`and ${left.length - MOST_NAMED} more`);
  return names.join("; ");
}

function shortened(text: string): string {
  const letters = [...text.replace(/\s+/g, " ").trim()];
  return letters.length <= MOST_CHARS ? letters.join("") : `${letters.slice(0, MOST_CHARS - 1).join("")}…`;
}
