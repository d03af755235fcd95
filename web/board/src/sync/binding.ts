import { idOf, replay, type Op, type Room, type Shape } from "@pgcanvas/client";
import { toRow, type Element } from "../mapping/index.js";
import { gestureOf, inHand, type EditorState, type Gesture } from "./gesture.js";
import { Halves } from "./halves.js";
import { Heights } from "./height.js";
import { indexOf, placeOf, stacked } from "./order.js";
import { erased, painted, says } from "./paint.js";
import { Shown } from "./shown.js";
import { opsOf, strokeOps } from "./tell.js";

/** How long small changes are gathered: a click may come as several. */
const GATHER_MS = 50;
/** Between two parts of a stroke that is being drawn. */
const STROKE_MS = 100;
/** What is dragged with more than this is shown to others when it is done: a state has 2048 bytes. */
const MAX_DRAGGED = 12;
/** How long fingers rest before what was written is told, and how long it waits at most for that. */
const TEXT_MS = 400;
const LONGEST_TEXT_MS = 3000;

/** What is needed of the component. */
export interface Editor {
  elements(): readonly Element[];
  /** Shows these, without a step in the component's own history. */
  show(elements: readonly Element[]): void;
  state(): EditorState;
  /** What the component makes of an element that somebody else made: a text without a size is measured. */
  prepare(element: Element): Element;
}

/** Keeps what the component shows and what the room holds the same, in both directions. */
export class Binding {
  private readonly shown = new Shown();
  private readonly waiting = new Set<string>();
  private readonly heights = new Heights();
  private readonly halves = new Halves();
  private gesture: Gesture = "none";
  /** The box in which the person writes, until all that they wrote is told. */
  private writtenIn: string | undefined;
  /** The stroke that is being drawn, as far as it is told: its number, and which element it is. */
  private stroke: { readonly gesture: number; readonly id: string } | undefined;
  /** A stroke that the room does not take. */
  private refused: string | undefined;
  /** What others have in hand: the ops that they have not sent yet, by shape. */
  private others: ReadonlyMap<string, Op> = new Map();
  private showsOthers = false;
  private timer: ReturnType<typeof setTimeout> | undefined;
  /** Until when what is written is told at the latest. */
  private latestMs: number | undefined;
  private frame = 0;
  private pressed = false;
  private readonly offs: readonly (() => void)[];

  constructor(
    private readonly editor: Editor,
    private readonly room: Room,
    /** Shows the others what the person has in hand. */
    private readonly showOthers: (ops: readonly Op[]) => void = () => {},
  ) {
    for (const row of room.shapes()) this.halves.note(row.id, row);
    this.offs = [
      room.on("change", ({ ids }) => this.wait([...ids].flatMap((id) => [...this.halves.note(id, room.shape(id))]))),
      room.on("change", ({ ids, own }) => {
        if (!own) this.wait(ids);
      }),
      room.on("reject", ({ batch }) => {
        if (batch.ops.some((op) => idOf(op) === this.stroke?.id)) this.refused = this.stroke?.id;
      }),
    ];
    this.paint([...room.shapes()].map((shape) => shape.id));
  }

  /** The component changed, or only looks so: it calls at every move. */
  changed(): void {
    this.findLost();
    const before = this.gesture;
    const state = this.editor.state();
    const now = gestureOf(state);
    this.writtenIn = state.editingTextElement?.containerId ?? this.writtenIn;
    this.gesture = now === "none" && this.pressed ? "drag" : now;
    if (before !== "none" && this.gesture === "none") this.tellNow();
    else if (this.gesture === "drag") this.showDrag();
    else if (this.dirty().length > 0) this.tellSoon();
    if (before !== this.gesture && this.waiting.size > 0) this.wait([]);
  }

  /** A button of the pointer went down or up anywhere on the page: a slider that is dragged is one gesture, too. */
  press(down: boolean): void {
    // The gesture before this one ends here, if the component has not shown its end yet: two are not one.
    if (down && gestureOf(this.editor.state()) === "none") this.tellNow();
    this.pressed = down;
    this.changed();
  }

  /** Tells at once what waits to be told: undo must not overtake it. */
  tellNow(): void {
    clearTimeout(this.timer);
    this.timer = this.latestMs = undefined;
    const dirty = this.dirty().filter((element) => !isBlank(element) || this.gesture !== "text");
    if (this.room.viewOnly) this.takeBack(dirty);
    else this.tell(dirty);
    this.stroke = this.refused = undefined;
    if (this.gesture !== "text") this.writtenIn = undefined;
    if (this.showsOthers) this.showOthers([]);
    this.showsOthers = false;
  }

  /** Takes in what others have in hand now; who lets go of something has told the room before. */
  watch(others: ReadonlyMap<string, Op>): void {
    const ids = [...this.others.keys(), ...others.keys()];
    this.others = others;
    if (ids.length > 0) this.wait(ids);
  }

  /** Shows what the room holds of these now: it was told of them by another way than the component. */
  refresh(ids: Iterable<string>): void {
    this.wait(ids);
  }

  private tell(dirty: readonly Element[]): void {
    if (dirty.length === 0) return;
    const ops: Op[] = [];
    for (const element of dirty) {
      const row = this.room.shape(element.id);
      const settled = element.id === this.writtenIn ? this.heights.settled(element, this.shown.get(element.id)?.base, row) : element;
      const told = opsOf(settled, this.shown, row, element.id === this.stroke?.id);
      if (element.id !== this.refused) ops.push(...told.ops);
      if (element["isDeleted"] === true) this.shown.forget(element.id);
      else this.shown.agree(element, undefined, told.base);
    }
    if (ops.length > 0) this.room.edit(ops, this.stroke?.gesture);
    // Somebody else may have changed other properties meanwhile: the row says it all.
    this.wait(dirty.map(({ id }) => id));
  }

  /** Shows what the room holds in place of what was done by somebody who may only look. */
  private takeBack(dirty: readonly Element[]): void {
    for (const element of dirty) this.shown.agree(element, undefined);
    this.wait(dirty.map(({ id }) => id));
  }

  /** Lets the room go. */
  close(): void {
    this.tellNow();
    for (const off of this.offs) off();
    cancelAnimationFrame(this.frame);
  }

  private tellSoon(): void {
    if (this.gesture === "stroke") {
      this.timer ??= setTimeout(() => this.tellStroke(), STROKE_MS);
      return;
    }
    if (this.gesture === "text") this.tellAtRest();
    else this.timer ??= setTimeout(() => this.tellNow(), GATHER_MS);
  }

  /** Tells what is written when the fingers rest; somebody whose fingers never do is told from time to time. */
  private tellAtRest(): void {
    clearTimeout(this.timer);
    const nowMs = Date.now();
    this.latestMs ??= nowMs + LONGEST_TEXT_MS;
    this.timer = setTimeout(() => this.tellNow(), Math.max(0, Math.min(TEXT_MS, this.latestMs - nowMs)));
  }

  /** Shows the others a drag while it lasts: what would be told if it ended now. */
  private showDrag(): void {
    // What was pulled open no further than a point may yet be taken for a slip of the hand.
    const dirty = this.dirty().filter((element) => this.shown.get(element.id) !== undefined || !isPoint(element));
    if (dirty.length === 0 || dirty.length > MAX_DRAGGED || this.room.viewOnly) return;
    this.showsOthers = true;
    const ops = dirty.flatMap((element) => opsOf(element, this.shown, this.room.shape(element.id)).ops);
    this.showOthers(ops.filter(({ op }) => op === "put" || op === "patch"));
  }

  private tellStroke(): void {
    this.timer = undefined;
    const id = this.editor.state().newElement?.id;
    const element = this.dirty().find((one) => one.id === id);
    if (this.gesture !== "stroke" || !element || element.id === this.refused) return;
    const ops = strokeOps(element, this.shown, this.room.shape(element.id));
    if (ops.length === 0) return;
    const gesture = this.room.edit(ops, this.stroke?.gesture);
    if (gesture > 0) this.stroke = { gesture, id: element.id };
    const row = this.room.shape(element.id);
    // The points are told, the size is not: what was agreed has the one and not the other.
    if (row) this.agreeOnPoints(element, row);
  }

  private agreeOnPoints(element: Element, row: Shape): void {
    const base = toRow(element);
    const before = this.shown.get(element.id)?.base ?? base;
    const points = base["points"] ?? null;
    this.shown.agree({ ...element, version: undefined }, row, { ...before, points });
  }

  /** What the person changed and the room was not told. */
  private untold(): Element[] {
    return this.editor.elements().filter((element) => element.type !== "selection" && this.shown.differs(element));
  }

  /** What of it can be told: a picture is nothing before it is placed and has its file. */
  private dirty(): Element[] {
    const { pendingImageElementId: pending } = this.editor.state();
    return this.untold().filter((element) => {
      if (element.type !== "image" || this.shown.get(element.id)) return true;
      // Where another tool, or another picture, was chosen before this one was placed, it is not waited for, and has no size.
      return element.id !== pending && element["fileId"] != null && !isPoint(element);
    });
  }

  /**
   * What the component lost without a word is shown again. A person deletes by deleting; but a file that is dropped on the page takes the
   * place of all there was, and on a shared board that is to add to it.
   */
  private findLost(): void {
    const there = new Set<string>();
    for (const { id } of this.editor.elements()) if (this.shown.get(id)) there.add(id);
    if (there.size === this.shown.size) return;
    const lost = this.shown.ids().filter((id) => !there.has(id));
    for (const id of lost) this.shown.forget(id);
    this.wait(lost);
  }

  /** These are to be painted with the next picture. */
  private wait(ids: Iterable<string>): void {
    for (const id of ids) this.waiting.add(id);
    cancelAnimationFrame(this.frame);
    this.frame = requestAnimationFrame(() => this.paint([...this.waiting]));
  }

  private paint(ids: readonly string[]): void {
    const present = new Map(this.editor.elements().map((element) => [element.id, element]));
    const untold = new Set(this.untold().map(({ id }) => id));
    const held = inHand(this.editor.state());
    for (const id of ids) {
      if (held.has(id) || untold.has(id)) {
        this.waiting.add(id);
        continue;
      }
      this.waiting.delete(id);
      this.paintOne(id, present);
    }
    this.show([...present.values()], untold, held);
  }

  /** Puts the element of one row among the others. */
  private paintOne(id: string, present: Map<string, Element>): void {
    const row = this.rowOf(id);
    const element = present.get(id);
    const lives = element !== undefined && element["isDeleted"] !== true;
    if (!row) {
      this.shown.forget(id);
      if (lives) present.set(id, erased(element));
      return;
    }
    const agreed = this.shown.get(id);
    if (lives && agreed?.row === row) return;
    if (lives && agreed && says(element, row)) {
      this.shown.agree(element, row, agreed.base);
      return;
    }
    const made = this.editor.prepare(painted(row, element));
    present.set(id, made);
    this.shown.agree(made, row);
  }

  /** Shows the elements as the room's rows lie on each other, if they are not shown so. */
  private show(elements: readonly Element[], untold: ReadonlySet<string>, held: ReadonlySet<string>): void {
    const inPlace = new Set(elements.filter((element) => !this.shown.isMoved(element)).map(({ id }) => id));
    const now = stacked(elements.map((element) => ({
      element, place: this.placeOf(element, inPlace), held: held.has(element.id) || untold.has(element.id),
    })));
    const before = this.editor.elements();
    if (now.length === before.length && now.every((element, at) => element === before[at])) return;
    this.editor.show(now);
    for (const element of this.editor.elements()) this.bear(element, untold, inPlace);
  }

  /** By which index it lies where it does. What the component made of a row's index for its own use does not count. */
  private placeOf(element: Element, inPlace: ReadonlySet<string>): string | null {
    const row = inPlace.has(element.id) ? this.rowOf(element.id) : undefined;
    return row ? placeOf(row) : indexOf(element);
  }

  /** The component repairs what it is given: that is nobody's edit, and no truth. */
  private bear(element: Element, untold: ReadonlySet<string>, inPlace: ReadonlySet<string>): void {
    if (element["isDeleted"] === true || !this.shown.differs(element)) return;
    if (untold.has(element.id)) {
      if (inPlace.has(element.id)) this.shown.reindex(element);
    } else if (this.shown.adopt(element)) this.waiting.add(element.id);
  }

  /** The room's row, with what somebody else is about to make of it, and what other rows say of it. */
  private rowOf(id: string): Shape | undefined {
    const row = this.room.shape(id);
    const op = this.others.get(id);
    const now = op ? replay(op, row) : row;
    return now && this.halves.completed(now);
  }
}

/** Whether it has no size yet. */
function isPoint(element: Element): boolean {
  return Number(element["width"] ?? 0) === 0 && Number(element["height"] ?? 0) === 0;
}

/** A text that was begun, and may stay empty: then nobody need hear of it. */
function isBlank(element: Element): boolean {
  return element.type === "text" && element["text"] === "" && element["isDeleted"] !== true;
}
