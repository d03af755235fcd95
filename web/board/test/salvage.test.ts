import { idOf, type Op, type Rejection } from "@pgcanvas/client";
import { describe, expect, it } from "vitest";
import { partsOf } from "../src/page/salvage.js";

const put = (id: string): Op => ({ op: "put", shape: { id, kind: "rectangle" }, base: 3 });
const rejection = (code: string, message: string, ops: readonly Op[], op_id = 7): Rejection => ({ op_id, code, message, batch: { client: "c", op_id, verb: "ops", ops } });
const ids = (parts: ReturnType<typeof partsOf>) => parts?.map((part) => part.map(idOf).join(""));

describe("a gesture that a node refused", () => {
  const append: Op = { op: "append", id: "b", points: [[1, 1]] };

  it("is told again without the shape that is named, and that one by itself", () => {
    const parts = partsOf(rejection("invalid", "ops[1].shape.x: must be a number", [put("a"), put("b"), append, put("c")]));
    expect(ids(parts)).toEqual(["ac", "bb"]);
    expect(parts?.flat().every((op) => op.base === undefined)).toBe(true);
  });

  it("is told again in halves where none is named, down to one shape, which is given up", () => {
    expect(ids(partsOf(rejection("too_large", "must be at most 5 bytes", [put("a"), put("b"), append, put("c")])))).toEqual(["c", "abb"]);
    for (const ops of [[put("a")], [put("b"), append]]) expect(partsOf(rejection("invalid", "ops[0].shape: no", ops))).toBeUndefined();
  });

  it("is not told again where it is refused for who sends it, for what others did, or by the client itself", () => {
    for (const code of ["forbidden", "conflict", "not_found"]) expect(partsOf(rejection(code, "", [put("a"), put("b")]))).toBeUndefined();
    expect(partsOf(rejection("too_large", "", [put("a"), put("b")], 0))).toBeUndefined();
  });
});
