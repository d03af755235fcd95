/** Whether the component can draw a member that is such a value. */
export type Fits = (value: unknown) => boolean;

export const isText: Fits = (value) => typeof value === "string";
export const isFlag: Fits = (value) => typeof value === "boolean";
export const isNumber: Fits = (value) => typeof value === "number" && Number.isFinite(value);

/** A number that is neither more nor less: some make the component work for minutes, for every shape and at each painting. */
export const within = (least: number, most: number): Fits => (value) => isNumber(value) && Number(value) >= least && Number(value) <= most;

export const oneOf = (...values: readonly unknown[]): Fits => (value) => values.includes(value);
export const orNull = (fits: Fits): Fits => (value) => value === null || fits(value);
export const orAbsent = (fits: Fits): Fits => (value) => value === undefined || fits(value);
export const listOf = (fits: Fits): Fits => (value) => Array.isArray(value) && value.every(fits);
export const object = (members: Readonly<Record<string, Fits>>): Fits => (value) =>
  isObject(value) && Object.entries(members).every(([name, fits]) => fits(value[name]));

export const isPair: Fits = (value) => listOf(isNumber)(value) && (value as unknown[]).length === 2;
/** A path of nothing has no place: the component looks for its first point. */
export const isPath: Fits = (value) => listOf(isPoint)(value) && (value as unknown[]).length > 0;
const isPoint: Fits = (value) => isPair(value) && (value as unknown[]).every(within(-1e9, 1e9));
export const isBound: Fits = object({ id: isText, type: isText });
export const isBinding: Fits = object({ elementId: isText, focus: isNumber, gap: isNumber, fixedPoint: orAbsent(orNull(isPair)) });
export const isSegment: Fits = object({ index: isNumber, start: isPair, end: isPair });
export const isRoundness: Fits = object({ type: isNumber, value: orAbsent(isNumber) });
export const isCrop: Fits = object({ x: isNumber, y: isNumber, width: isNumber, height: isNumber, naturalWidth: isNumber, naturalHeight: isNumber });

function isObject(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

/** Whether these are points of two numbers each, or more. */
export function arePairs(points: unknown): points is readonly (readonly number[])[] {
  return Array.isArray(points) && points.every((point) => Array.isArray(point) && point.length >= 2 && isNumber(point[0]) && isNumber(point[1]));
}
