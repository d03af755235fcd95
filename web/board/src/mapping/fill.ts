/**
 * So many lines of a hatched fill cover what a large screen sees of a board at its least zoom, with thin strokes. A row may be a thousand
 * times as large, and all its lines are drawn before the page answers again.
 */
const MOST_LINES = 6000;
/** The fill of wide strokes is walked through in smaller steps than it has lines. */
const WIDEST_GAP = 100;
/** The component's fill draws no closer lines. */
const NARROWEST_GAP = 0.1;

/** What is filled along its points, whatever size its row tells. */
const PATHS: ReadonlySet<unknown> = new Set(["line", "arrow", "freedraw"]);

type Shown = Readonly<Record<string, unknown>>;

/** Whether an element is too large to be hatched. That it has no background does not count: it may get one with the next click. */
export function isTooLargeToHatch(shown: Shown): boolean {
  const gap = Math.min(WIDEST_GAP, Math.max(NARROWEST_GAP, 4 * Number(shown["strokeWidth"])));
  return extent(shown) / gap > MOST_LINES;
}

/** How far the lines, which lie aslant, go on beside each other. */
function extent({ type, width, height, points }: Shown): number {
  const [across, down] = PATHS.has(type) ? spans(points as readonly (readonly number[])[]) : [Number(width), Number(height)];
  return (Math.abs(across) + Math.abs(down)) / Math.SQRT2;
}

/** How wide and how high a path is. */
function spans(points: readonly (readonly number[])[]): [number, number] {
  const [least, most] = [[Infinity, Infinity], [-Infinity, -Infinity]] as [[number, number], [number, number]];
  for (const [x = 0, y = 0] of points) {
    [least[0], least[1]] = [Math.min(least[0], x), Math.min(least[1], y)];
    [most[0], most[1]] = [Math.max(most[0], x), Math.max(most[1], y)];
  }
  return [most[0] - least[0], most[1] - least[1]];
}
