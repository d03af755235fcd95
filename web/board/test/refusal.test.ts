import { describe, expect, it } from "vitest";
import { whyRejected } from "../src/page/refusal.js";

describe("what is said to a person", () => {
  it("whose shape is more than the board takes: which, and what became of it", () => {
    const rejection = (...ops: object[]) => ({ op_id: 0, code: "too_large", message: "", batch: { client: "c", op_id: 0, verb: "ops" as const, ops: ops as never } });
    const there = (id: string) => (id === "s" ? { id, kind: "freedraw" } : undefined);
    expect(whyRejected(rejection({ op: "patch", id: "s", set: {} }), there)).toBe("A stroke is larger than this board takes: it is as it was before.");
    expect(whyRejected(rejection({ op: "put", shape: { id: "n", kind: "text" } }), there)).toBe("A text is larger than this board takes: it was not added.");
    expect(whyRejected(rejection({ op: "put", shape: { id: "n", kind: "constructor" } }, { op: "patch", id: "n" }), there)).toBe("A shape is larger than this board takes: it was not added.");
    expect(whyRejected(rejection({ op: "put", shape: { id: "n", kind: "text" } }, { op: "patch", id: "s" }), there)).toBe("2 shapes are larger than this board takes: they are as they were before.");
  });
});
