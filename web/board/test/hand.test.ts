import type { Op } from "@pgcanvas/client";
import { describe, expect, it } from "vitest";
import { stateOf } from "../src/people/state.js";
import { inOtherHands } from "../src/sync/hand.js";

const peer = (session: string, drag: unknown) => ({ session, user: session, name: session, color: "#000", state: { drag } as never });
const told = (...drag: unknown[]) => [...inOtherHands([peer("other", drag)], "me").values()];

describe("what others have in hand", () => {
  it("is the ops that they tell, but for one's own", () => {
    const patch = { op: "patch", id: "a", set: { x: 1, points: [[0, 0], [1, 2]] } };
    const put = { op: "put", shape: { id: "b", kind: "ellipse", x: 1, stroke_color: "#e03131", props: { seed: 1 } } };
    expect(told(patch, put)).toEqual([patch, put]);
    expect(inOtherHands([peer("me", [patch])], "me").size).toBe(0);
  });

  it("is nothing of what no row could hold", () => {
    const wrong = [
      null, 1, "x", [], {}, { op: "delete", id: "a" }, { op: "append", id: "a", points: [[1, 1]] }, { op: "patch", id: 1, set: {} },
      { op: "patch", id: "a", set: { x: "1" } }, { op: "patch", id: "a", set: { x: 1e300 } }, { op: "patch", id: "a", set: { points: "x" } },
      { op: "patch", id: "a", set: { points: [[1]] } }, { op: "patch", id: "a", set: { version: 9 } }, { op: "put", shape: { id: "a" } },
      { op: "put", shape: { id: "a", kind: "rectangle", width: null } }, { op: "put", shape: { id: "a", kind: "rectangle", props: 1 } },
      { op: "patch", id: "a", set: { id: "b" } }, { op: "patch", id: "a", set: { id: {} } }, { op: "patch", id: "a", set: { kind: {} } },
    ];
    expect(told(...wrong)).toEqual([]);
    for (const drag of [null, 1, "x", {}]) expect(inOtherHands([peer("other", drag)], "me").size).toBe(0);
  });

  it("fits into a state, or is left out of it", () => {
    const drag = (count: number): Op[] => Array.from({ length: count }, (_, at) => ({ op: "patch", id: `${"i".repeat(20)}${at}`, set: { x: 1234.5678, y: 2 } }));
    const selection = Array.from({ length: 32 }, (_, at) => `${"s".repeat(20)}${at}`);
    expect(stateOf({ drag: drag(1) })["drag"]).toEqual([{ op: "patch", id: `${"i".repeat(20)}0`, set: { x: 1234.57, y: 2 } }]);
    for (const count of [1, 5, 12, 100]) expect(JSON.stringify(stateOf({ drag: drag(count), selection })).length).toBeLessThan(2048);
    expect(stateOf({ drag: drag(100), selection })).toEqual({ selection });
  });
});
