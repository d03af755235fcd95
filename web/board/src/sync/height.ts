import type { Shape } from "@pgcanvas/client";
import type { Element } from "../mapping/index.js";

/**
 * The heights of boxes in which somebody writes. The component makes a box taller when its text needs that, and lower again, down to the height
 * that it remembers of when the box was first written in: what somebody else gave it since looks to it like its own doing.
 */
export class Heights {
  /** What the writing here gave each box last. */
  private readonly given = new Map<string, number>();

  /**
   * The box as it may be told. The text may need a taller one than there is; it gets lower from a height alone that writing here gave it. What
   * the component only derives does not take the place of what somebody set.
   */
  settled(box: Element, agreed: Shape | undefined, row: Shape | undefined): Element {
    const [now, before, held] = [Number(box["height"]), agreed?.["height"], row?.["height"]];
    if (typeof before !== "number" || typeof held !== "number" || now === before) return box;
    const isNeeded = now > before ? now > held : before === held && this.given.get(box.id) === before;
    if (!isNeeded) return { ...box, height: before };
    this.given.set(box.id, now);
    return box;
  }
}
