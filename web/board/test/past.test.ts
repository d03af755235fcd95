import { describe, expect, it } from "vitest";
import type { Batch } from "../src/page/past/past.js";
import { sittingsOf, wordsOf } from "../src/page/past/sittings.js";
import { changesQuery, literal, shapesQuery } from "../src/page/sql/queries.js";
import { sha256Here } from "../src/page/files/sha256.js";
import { createHash } from "node:crypto";

function batch(seq: number, by: string, second: number, done: Partial<Batch>): Batch {
  return { seq, by, at: new Date(1_764_000_000_000 + second * 1000).toISOString(), puts: 0, patches: 0, appends: 0, deletes: 0, ...done };
}

describe("sittings", () => {
  it("join what one person did, and divide at pauses and other people", () => {
    const newestFirst = [
      batch(6, "ann", 500, { deletes: 1 }),
      batch(5, "ann", 70, { appends: 1 }),
      batch(4, "ann", 65, { appends: 1, patches: 1 }),
      batch(3, "bob", 64, { puts: 1 }),
      batch(2, "ann", 50, { patches: 1 }),
      batch(1, "ann", 0, { puts: 2 }),
    ];
    const told = sittingsOf(newestFirst).map((sitting) => [sitting.by, sitting.from, sitting.to, wordsOf(sitting)]);
    expect(told).toEqual([
      ["ann", 6, 6, "1 deleted"],
      ["ann", 4, 5, "3 changes"],
      ["bob", 3, 3, "1 made"],
      ["ann", 1, 2, "2 made · 1 change"],
    ]);
    expect(sittingsOf(newestFirst)[3]?.at, "ends with its last batch").toBe(newestFirst[4]?.at);
  });
});

describe("queries", () => {
  it("hold what people call things as literals", () => {
    expect(literal("it's; drop table x --")).toBe("'it''s; drop table x --'");
    expect(shapesQuery("design", ["a'b", "c"])).toContain("where room = 'design'\n  and id in ('a''b', 'c')");
    expect(changesQuery("1000001", [])).toContain("where room_id = 1000001\norder by seq");
  });
});

describe("a hash made here", () => {
  it("is the one that everybody makes", () => {
    for (const length of [0, 1, 55, 56, 63, 64, 65, 119, 120, 1000, 70_000]) {
      const bytes = Uint8Array.from({ length }, (_, at) => (at * 31 + length) & 255);
      expect(Buffer.from(sha256Here(bytes)).toString("hex")).toBe(createHash("sha256").update(bytes).digest("hex"));
    }
  });
});
