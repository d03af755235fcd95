import type { Json } from "@pgcanvas/client";

const MAX_POINTS = 100_000;
const MAX_COORDINATE = 1e9;

type Points = readonly (readonly number[])[];

/** The members of an element that a row keeps in `points`, as the row keeps them; none when they do not fit there. */
export function toPoints(points: unknown, pressures: unknown): { points: Points; holdsPressures: boolean } | undefined {
  if (!isPath(points)) return undefined;
  const holdsPressures = points.length > 0 && isPressures(pressures) && pressures.length === points.length;
  if (!holdsPressures) return { points, holdsPressures };
  return { points: points.map(([dx = 0, dy = 0], at) => [dx, dy, pressures[at] ?? 0]), holdsPressures };
}

/** The members of an element that a row's `points` stand for. */
export function fromPoints(points: Json): Record<string, Json> {
  if (!Array.isArray(points) || !isTriples(points)) return { points };
  return { points: points.map(([dx, dy]) => [dx ?? 0, dy ?? 0]), pressures: points.map((point) => point[2] ?? 0) };
}

/** The points that the later path has more than the earlier, if that is all they differ in. */
export function growth(before: Json | undefined, after: Json | undefined): Points | undefined {
  if (!Array.isArray(before) || !Array.isArray(after) || after.length <= before.length || before.length === 0) return undefined;
  const [earlier, later] = [before as unknown as Points, after as unknown as Points];
  if (later.some((point) => point.length !== earlier[0]?.length)) return undefined;
  const same = earlier.every((point, at) => point.every((number, axis) => number === later[at]?.[axis]));
  return same ? later.slice(earlier.length) : undefined;
}

/** Whether these may be the points of a row: of two numbers each, or three. */
export function arePoints(points: unknown): boolean {
  return isPath(points) || (Array.isArray(points) && points.length <= MAX_POINTS && isTriples(points as readonly Json[]));
}

function isPath(points: unknown): points is Points {
  return Array.isArray(points) && points.length <= MAX_POINTS && points.every((point) => isPoint(point, 2));
}

function isTriples(points: readonly Json[]): points is readonly (readonly number[])[] {
  return points.length > 0 && points.every((point) => isPoint(point, 3));
}

function isPoint(point: unknown, length: number): point is readonly number[] {
  return Array.isArray(point) && point.length === length && point.every(isCoordinate);
}

function isPressures(pressures: unknown): pressures is readonly number[] {
  return Array.isArray(pressures) && pressures.every(isCoordinate);
}

function isCoordinate(value: unknown): boolean {
  return typeof value === "number" && Math.abs(value) <= MAX_COORDINATE;
}
