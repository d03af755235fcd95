import type { Shape } from "../shape.js";
import type { Joined, Page } from "../wire.js";
import type { At } from "./confirmed.js";

/** A join on its way: pages are gathered, and applied when the last one came, so that no half board is ever shown. */
export class Incoming {
  readonly at: At;
  readonly snapshot: boolean;
  private readonly put: Shape[] = [];
  private readonly deleted: string[] = [];
  private more = true;

  constructor(joined: Joined) {
    this.at = { epoch: joined.epoch, seq: joined.seq };
    this.snapshot = joined.mode === "snapshot";
    this.gather(joined);
  }

  /** Adds a page. */
  gather(page: Page): void {
    for (const shape of page.added) this.put.push(shape);
    for (const shape of page.modified) this.put.push(shape);
    for (const id of page.deleted) this.deleted.push(id);
    this.more = page.more;
  }

  /** Whether the last page came. */
  get whole(): boolean {
    return !this.more;
  }

  /** Brings a board to the join's seq; gives the shapes that may look different now. */
  apply(shapes: Map<string, Shape>): Set<string> {
    const touched = new Set(this.snapshot ? shapes.keys() : []);
    if (this.snapshot) shapes.clear();
    for (const shape of this.put) {
      shapes.set(shape.id, shape);
      touched.add(shape.id);
    }
    for (const id of this.deleted) {
      shapes.delete(id);
      touched.add(id);
    }
    return touched;
  }
}
