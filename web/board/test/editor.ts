import type { Element } from "../src/mapping/index.js";
import type { Binding, Editor } from "../src/sync/binding.js";
import type { EditorState } from "../src/sync/gesture.js";

export const IDLE: EditorState = {
  cursorButton: "up", newElement: null, multiElement: null, resizingElement: null, pendingImageElementId: null, editingTextElement: null, editingLinearElement: null,
  selectedElementIds: {}, selectedElementsAreBeingDragged: false, isResizing: false, isRotating: false, isCropping: false,
};

/** A component that holds elements, and a person who changes them. */
export class FakeEditor implements Editor {
  list: Element[] = [];
  now: EditorState = IDLE;
  binding: Binding | undefined;
  /** What the component alters, in place, of all that it is given. */
  repair: () => void = () => {};

  elements = () => this.list;
  state = () => this.now;
  prepare = (element: Element) => element;
  show = (elements: readonly Element[]) => {
    this.list = [...elements];
    this.repair();
    this.binding?.changed();
  };

  get(id: string): Element | undefined {
    return this.list.find((element) => element.id === id && element["isDeleted"] !== true);
  }

  /** The person changes an element, as the component does it: in a new object of a higher version. */
  change(id: string, more: object): void {
    this.list = this.list.map((one) => (one.id === id ? { ...one, ...more, version: Number(one["version"]) + 1, versionNonce: 7 } : one));
    this.binding?.changed();
  }

  add(element: Element): void {
    this.list = [...this.list, element];
    this.binding?.changed();
  }

  be(more: Partial<EditorState>): void {
    this.now = { ...IDLE, ...more };
    this.binding?.changed();
  }
}
