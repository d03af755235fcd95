import { sameJson, type Shape } from "@pgcanvas/client";
import { toRow, type Element } from "../mapping/index.js";
import { indexOf } from "./order.js";

/** What a text that is being written makes the component change in its container, and the other way round. */
const BOX = ["x", "y", "width", "height"] as const;

/** An element as the component and the room last agreed on it. */
export interface Agreed {
  /** The room's row that it was made of or became; the same object as long as nothing about it changed there. */
  readonly row: Shape | undefined;
  /** The row that the element makes, with what the component added of its own accord: what differs from it, the person changed. */
  readonly base: Shape;
  readonly version: unknown;
  readonly versionNonce: unknown;
}

/** What the component shows, and of which rows. */
export class Shown {
  private readonly agreed = new Map<string, Agreed>();

  get(id: string): Agreed | undefined {
    return this.agreed.get(id);
  }

  /** The element is what the row says. */
  agree(element: Element, row: Shape | undefined, base: Shape = toRow(element)): void {
    this.agreed.set(element.id, { row, base, version: element["version"], versionNonce: element["versionNonce"] });
  }

  /**
   * The component altered of its own accord what it was given: that is nobody's edit. Whether its box is another now, which is not believed:
   * the row is to be shown again.
   */
  adopt(element: Element): boolean {
    const agreed = this.agreed.get(element.id);
    if (!agreed) return false;
    const now = toRow(element);
    const box = Object.fromEntries(BOX.flatMap((name) => (agreed.base[name] === undefined ? [] : [[name, agreed.base[name]]])));
    const isAnother = BOX.some((name) => !sameJson(now[name] ?? null, agreed.base[name] ?? null));
    this.agree(element, isAnother ? undefined : agreed.row, { ...now, ...box });
    return isAnother;
  }

  /** Whether the person put it elsewhere among the others, which they are yet to be told. */
  isMoved(element: Element): boolean {
    const agreed = this.agreed.get(element.id);
    return !agreed || (agreed.base["index"] ?? null) !== indexOf(element);
  }

  /** The component gave it another index, while the person changes something else. */
  reindex(element: Element): void {
    const agreed = this.agreed.get(element.id);
    if (agreed) this.agreed.set(element.id, { ...agreed, base: { ...agreed.base, index: indexOf(element) } });
  }

  /** It is not shown any more. */
  forget(id: string): void {
    this.agreed.delete(id);
  }

  /** Whether the person, or the component, changed it since. */
  differs(element: Element): boolean {
    const agreed = this.agreed.get(element.id);
    if (!agreed) return element["isDeleted"] !== true;
    return agreed.version !== element["version"] || agreed.versionNonce !== element["versionNonce"];
  }

  get size(): number {
    return this.agreed.size;
  }

  ids(): string[] {
    return [...this.agreed.keys()];
  }
}
