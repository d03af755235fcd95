import type { Json, Op, Shape } from "@pgcanvas/client";

/** So large may be what is kept of a shape beside its points, and one op (`max_shape_bytes`; the database holds to it, too). */
const MOST_BYTES = 1_048_576;
/** What an op has beside a shape or points: its verb, its id and the version that it is based on. */
const HEAD_BYTES = 1024;
/** Arrays and objects in each other, the shape itself being the first. */
const MOST_DEEP = 32;
/** PostgreSQL writes every digit of a number: one with an exponent is longer there than here, by so much at most. */
const EXPONENT_BYTES = 32;

const encoder = new TextEncoder();

/** Why no database takes the row of an element, in words for people; nothing where it takes it. */
export function whyNotStorable({ points: _, ...rest }: Shape): string | undefined {
  const tooDeep = whyTooDeep(rest);
  if (tooDeep) return tooDeep;
  const bytes = bytesOf(rest);
  return bytes > MOST_BYTES - HEAD_BYTES ? `it is ${inMegabytes(bytes)}, larger than a shape may be (1 MB)` : undefined;
}

/** Whether something is nested deeper than any database takes, in words for people: so deep that one cannot even walk through it, it may be. */
export function whyTooDeep(value: unknown): string | undefined {
  return isDeeper(value, MOST_DEEP) ? `what is in it is nested more than ${MOST_DEEP} deep` : undefined;
}

/** The ops that put a row there: one, and more where a stroke has more points than one op carries. */
export function putOps(row: Shape): Op[] {
  const { points, ...rest } = row;
  if (!Array.isArray(points) || bytesOf(points) + bytesOf(rest) <= MOST_BYTES - HEAD_BYTES) return [{ op: "put", shape: row }];
  const [first = [], ...others] = chunks(points as unknown as Points, MOST_BYTES - HEAD_BYTES - bytesOf(rest));
  return [{ op: "put", shape: { ...row, points: first } }, ...others.map((more): Op => ({ op: "append", id: row.id, points: more }))];
}

type Points = readonly (readonly number[])[];

/** The points in pieces, the first of at most so many bytes and the others of what one op carries. */
function chunks(points: Points, firstBytes: number): Points[] {
  const found: (readonly number[])[][] = [[]];
  let left = firstBytes;
  for (const point of points) {
    const bytes = bytesOf(point as unknown as Json) + 2;
    if (bytes > left) {
      found.push([]);
      left = MOST_BYTES - HEAD_BYTES;
    }
    found.at(-1)?.push(point);
    left -= bytes;
  }
  return found;
}

/** How long JSON is as PostgreSQL writes it, at most: with a space after every comma and colon. */
function bytesOf(value: Json): number {
  if (typeof value === "string") return encoder.encode(JSON.stringify(value)).length;
  if (typeof value === "number") return numberBytes(String(value));
  if (typeof value !== "object" || value === null) return 5;
  if (Array.isArray(value)) return (value as readonly Json[]).reduce<number>((sum, item) => sum + bytesOf(item) + 2, 2);
  return Object.entries(value).reduce((sum, [name, member]) => sum + bytesOf(name) + bytesOf(member) + 4, 2);
}

function numberBytes(text: string): number {
  return text.length + (text.includes("e") ? EXPONENT_BYTES : 0);
}

function isDeeper(value: unknown, most: number): boolean {
  if (typeof value !== "object" || value === null) return false;
  return most === 0 || Object.values(value).some((member) => isDeeper(member, most - 1));
}

function inMegabytes(bytes: number): string {
  return `${(bytes / MOST_BYTES).toFixed(1)} MB`;
}
