import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { replay, type Json, type Op, type Shape } from "@pgcanvas/client";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { complete, diff, fromRow, grownPoints, toRow, TRANSPORT, type Element } from "../src/mapping/index.js";
import { element } from "./elements.js";
import { seeded } from "./seed.js";

const folder = join(import.meta.dirname, "files");
const passport = { version: 1, versionNonce: 2, updated: 3 };

/** The element without what says how a copy travels. */
function drawn(given: Element): unknown {
  return JSON.parse(JSON.stringify(Object.fromEntries(Object.entries(given).filter(([name]) => !TRANSPORT.has(name)))));
}

/** As the server gives it back: text that was JSON. */
function stored(row: Shape): Shape {
  return JSON.parse(JSON.stringify(row)) as Shape;
}

function applied(row: Shape, ops: readonly Op[]): Shape | undefined {
  return ops.reduce<Shape | undefined>((shape, op) => replay(op, shape), row);
}

describe("the mapping of elements and rows", () => {
  for (const file of readdirSync(folder)) {
    it(`brings every element of ${file} back as it was`, () => {
      const { elements } = JSON.parse(readFileSync(join(folder, file), "utf8")) as { elements: Element[] };
      expect(elements.length).toBeGreaterThan(3);
      for (const given of elements) expect(drawn(fromRow(stored(toRow(given)), passport))).toEqual(drawn(given));
    });
  }

  it("brings every generated element back as it was", () => {
    fc.assert(fc.property(element, (given) => {
      expect(drawn(fromRow(stored(toRow(given)), passport))).toEqual(drawn(given));
    }), seeded());
  });

  it("says with a diff exactly what makes one row the other", () => {
    fc.assert(fc.property(element, element, (before, after) => {
      const [from, to] = [toRow(before), toRow({ ...after, id: before.id, type: before.type })];
      expect(applied(from, diff(from, to))).toEqual(to);
      expect(diff(to, stored(to))).toEqual([]);
    }), seeded());
  });

  it("sends nothing but what was changed", () => {
    const [, , start] = flowchart();
    const moved = { ...start, x: 7, roundness: { type: 3 }, version: 99, versionNonce: 1, updated: 5 } as Element;
    const ops = diff(toRow(start as Element), toRow(moved));
    expect(ops).toEqual([{ op: "patch", id: "start", set: { x: 7, props: { roundness: { type: 3 } } } }]);
  });

  it("sends only the new points of a stroke that grows", () => {
    const before = stroke(3);
    const ops = grownPoints(toRow(before), toRow(stroke(5)));
    expect(ops).toEqual([{ op: "append", id: "s", points: [[3, 3, 0.5], [4, 4, 0.5]] }]);
    expect(diff(toRow(before), toRow(stroke(5))).map((op) => op.op)).toEqual(["append"]);
    expect(grownPoints(toRow(stroke(5)), toRow(before))).toEqual([]);
  });

  it("keeps out what PostgreSQL cannot keep", () => {
    const row = toRow({ id: "a", type: "text", text: "a\u0000b\ud800", customData: { n: Number.NaN, big: 1e300, "k\u0000": "\udfff" } });
    expect(row["text"]).toBe("ab\ufffd");
    expect(row["props"]).toEqual({ customData: { n: null, big: 1e30, k: "\ufffd" } });
  });

  it("gives the component all that it needs of a row that says hardly anything", () => {
    const row = { id: "a", kind: "rectangle", x: 1, y: 2, width: 3, height: 4, angle: 0, props: {}, stroke_color: null as Json } as unknown as Shape;
    const shown = complete(fromRow(row, passport));
    expect(shown).toMatchObject({ type: "rectangle", strokeColor: "#1e1e1e", opacity: 100, groupIds: [], isDeleted: false, ...passport });
    expect(complete(fromRow({ ...row, kind: "triangle" } as unknown as Shape, passport)).type).toBe("rectangle");
  });
});

function flowchart(): Element[] {
  return (JSON.parse(readFileSync(join(folder, "flowchart.excalidraw"), "utf8")) as { elements: Element[] }).elements;
}

function stroke(length: number): Element {
  const points = Array.from({ length }, (_, at) => [at, at]);
  return { id: "s", type: "freedraw", x: 0, y: 0, width: 9, height: 9, angle: 0, points, pressures: points.map(() => 0.5) };
}
