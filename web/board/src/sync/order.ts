import type { Shape } from "@pgcanvas/client";
import { isOrderKey, type Element } from "../mapping/index.js";

/** An element on its way into the picture. */
export interface Placed {
  readonly element: Element;
  /** The index by which it lies where it does: the row's, or the person's who just put it elsewhere; none lies on top. */
  readonly place: string | null;
  /** Whether the person has it in hand: then it is not replaced. */
  readonly held: boolean;
}

/** The index by which everybody knows where a row lies: one that is no order key counts as none. */
export function placeOf(row: Shape): string | null {
  const { index, props } = row;
  const covers = typeof props === "object" && props !== null && !Array.isArray(props) && Object.hasOwn(props, "index");
  const told = covers ? (props as Readonly<Record<string, unknown>>)["index"] : index;
  return isOrderKey(told) ? told : null;
}

/** The rows as they lie on each other: by index, which is compared by code units, without one on top; then by id. */
export function inOrder(rows: readonly Shape[]): Shape[] {
  return [...rows].sort((left, right) => comparePlaces(placeOf(left), placeOf(right)) || compare(left.id, right.id));
}

/**
 * The elements as they lie on each other, on every screen alike. The component needs a rising index of every element, and makes one where
 * two rows have the same or a row has none. That is for its own use: each row's index is handed in anew, so what it made at one time, of what
 * had come until then, decides nothing later. What it made is left alone where it still fits.
 */
export function stacked(placed: readonly Placed[]): Element[] {
  const sorted = [...placed].sort((left, right) => comparePlaces(left.place, right.place) || compare(left.element.id, right.element.id));
  const own = firstOfEach(sorted);
  const above = nextOf(own);
  let below: string | null = null;
  return sorted.map(({ element, held }, at) => {
    const index = indexOf(element);
    const wanted = own[at] ?? (isBetween(index, below, above[at] ?? null) ? index : null);
    below = (held ? index : wanted) ?? below;
    return held || index === wanted ? element : { ...element, index: wanted, version: Number(element["version"] ?? 0) + 1 };
  });
}

/** The index of each that can keep its row's: the lowest of those that have the same. What is gone needs none. */
function firstOfEach(sorted: readonly Placed[]): (string | null)[] {
  let last: string | null = null;
  return sorted.map(({ element, place }) => {
    if (place === null || place === last || element["isDeleted"] === true) return null;
    last = place;
    return place;
  });
}

/** What each has to stay below. */
function nextOf(own: readonly (string | null)[]): (string | null)[] {
  let next: string | null = null;
  return own.map((_, at) => {
    const before = next;
    next = own[own.length - 1 - at] ?? next;
    return before;
  }).reverse();
}

function isBetween(index: string | null, below: string | null, above: string | null): boolean {
  return index !== null && (below === null || index > below) && (above === null || index < above);
}

/** The index that an element has in the component. */
export function indexOf(element: Element): string | null {
  const index = element["index"];
  return typeof index === "string" ? index : null;
}

function comparePlaces(left: string | null, right: string | null): number {
  if (left === null || right === null) return Number(left === null) - Number(right === null);
  return compare(left, right);
}

function compare(left: string, right: string): number {
  return left < right ? -1 : left > right ? 1 : 0;
}
