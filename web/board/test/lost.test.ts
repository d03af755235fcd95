import { describe, expect, it } from "vitest";
import { saidOfLost } from "../src/page/lost.js";
import type { EditorState } from "../src/sync/gesture.js";
import { IDLE } from "./editor.js";

describe("what is said to a person", () => {
  it("whose things in hand somebody deletes: what becomes of them", () => {
    const said = (state: Partial<EditorState>, ...gone: string[]) => saidOfLost({ ...IDLE, ...state }, (id) => gone.includes(id));
    expect(said({ editingTextElement: { id: "t" } }, "t")).toMatch(/the text that you are writing. Write on/);
    expect(said({ cursorButton: "down", newElement: { id: "s", type: "freedraw" } }, "s")).toMatch(/the stroke that you are drawing. Draw on/);
    const drag = { cursorButton: "down", selectedElementsAreBeingDragged: true, selectedElementIds: { a: true, b: true, c: true } } as const;
    expect(said(drag, "a")).toMatch(/the shape that you have in hand: it is gone/);
    expect(said(drag, "a", "c", "z")).toMatch(/2 of the shapes that you have in hand: they are gone/);
    expect(said({ cursorButton: "down", isResizing: true, selectedElementIds: { a: true } }, "a")).toMatch(/it is gone/);
    expect(said({ editingLinearElement: { elementId: "l" } }, "l")).toMatch(/it is gone/);
    expect(said(drag, "z")).toBeUndefined();
    expect(said({ selectedElementIds: { a: true } }, "a"), "what is only selected is not in hand").toBeUndefined();
  });
});
