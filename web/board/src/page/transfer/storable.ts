import { toRow, whyNotStorable, type Element } from "../../mapping/index.js";
import { leftOut } from "./leftOut.js";
import type { Taken } from "./takeIn.js";

/** Those that can be stored; why the others cannot. */
export function storable({ elements, left }: Taken): Taken {
  const why = (element: Element) => whyNotStorable(toRow(element));
  const found = elements.map((element) => [element, why(element)] as const);
  return {
    elements: found.flatMap(([element, reason]) => (reason === undefined ? [element] : [])),
    left: [...left, ...found.flatMap(([element, reason]) => (reason === undefined ? [] : [leftOut(element, reason)]))],
  };
}
