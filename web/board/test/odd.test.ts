import { replay, type Json, type Op, type Shape } from "@pgcanvas/client";
import fc from "fast-check";
import { generateKeyBetween } from "fractional-indexing";
import { describe, expect, it } from "vitest";
import { complete, diff, fromRow, toRow, type Element } from "../src/mapping/index.js";
import { isOrderKey } from "../src/mapping/orderKey.js";
import { painted, says } from "../src/sync/paint.js";
import { element } from "./elements.js";
import { seeded } from "./seed.js";

const passport = { version: 1, versionNonce: 2, updated: 3 };
const SERVER = { x: 0, y: 0, width: 10, height: 20, angle: 0, props: {} };
const INVALID = ["", "1", "5", "z", "zz", "a", "a00", "!!", "b!!", "a0 ", `A${"0".repeat(26)}`];

function row(more: object): Shape {
  return { id: "a", kind: "rectangle", ...SERVER, ...more } as unknown as Shape;
}

function shown(more: object): Element {
  return painted(row(more), undefined);
}

/** What the person's change of the shown element tells the room, and what the room holds then. */
function changed(held: Shape, more: object): { ops: Op[]; now: Shape } {
  const before = painted(held, undefined);
  const ops = diff(toRow(before), toRow({ ...before, ...more }), held);
  return { ops, now: ops.reduce<Shape | undefined>((shape, op) => replay(op, shape), held) as Shape };
}

describe("an order key", () => {
  it("is what the component can go on from, and nothing else", () => {
    for (const index of ["a0", "a1", "a1V", "Zz", "b00", "a0V", `A${"0".repeat(26)}V`, `z${"z".repeat(26)}`]) expect(isOrderKey(index), index).toBe(true);
    for (const index of [...INVALID, null, undefined, 5, {}]) expect(isOrderKey(index), String(index)).toBe(false);
  });

  it("goes in before and after others as the component's own rule has it", () => {
    fc.assert(fc.property(fc.string({ unit: fc.constantFrom("0", "1", "A", "Z", "a", "b", "z", "V"), maxLength: 6 }), (index) => {
      const takes = () => generateKeyBetween(index, null) > index;
      if (isOrderKey(index)) expect(takes()).toBe(true);
      else if (index !== "") expect(takes).toThrow();
    }), seeded());
  });
});

describe("a row that the component cannot draw as it is", () => {
  it("has no index where that is no order key, and stays where the component put it", () => {
    for (const index of INVALID) {
      expect(shown({ index })["index"], index).toBeNull();
      expect(painted(row({ index }), { id: "a", type: "rectangle", index: "a3" })["index"]).toBe("a3");
    }
    expect(shown({ index: "a1V" })["index"]).toBe("a1V");
  });

  it("has a path where that is none", () => {
    for (const kind of ["line", "arrow", "freedraw"]) {
      for (const more of [{ points: [] }, {}, { points: [[1, 2]], props: { points: [] } }, { props: { points: [[null, 1]] } }, { props: { points: 5 } }]) {
        expect(shown({ kind, ...more })["points"], kind).toEqual([[0, 0], [10, 20]]);
      }
      expect(shown({ kind, points: [[1, 2]] })["points"]).toEqual([[1, 2]]);
    }
  });

  it("has a name that is text", () => {
    for (const name of [{}, [], 5, true]) expect(shown({ kind: "frame", props: { name } })["name"]).toBeNull();
    expect(shown({ kind: "frame", props: { name: "Plan" } })["name"]).toBe("Plan");
  });

  it("is a box where its kind is a name that every object has", () => {
    for (const kind of ["__proto__", "hasOwnProperty", "constructor", "toString"]) expect(shown({ kind })).toMatchObject({ type: "rectangle", opacity: 100 });
  });

  it("is bound to what has a name", () => {
    const bound = { id: "t", type: "text" };
    for (const boundElements of [5, {}, "x", true]) expect(shown({ props: { boundElements } })["boundElements"]).toBeNull();
    expect(shown({ props: { boundElements: [null, 5, {}, { id: 1, type: "text" }, bound] } })["boundElements"]).toEqual([bound]);
  });

  it("is filled evenly where its hatching would take the page away", () => {
    const fill = (more: object) => shown({ fill_style: "hachure", ...more })["fillStyle"];
    for (const kind of ["rectangle", "ellipse", "diamond"]) expect(fill({ kind, width: 1e6, height: 1e6 })).toBe("solid");
    expect(fill({ width: -1e6 })).toBe("solid");
    expect(fill({ width: 5000, height: 5000, stroke_width: 0 })).toBe("solid");
    expect(fill({ kind: "line", points: [[0, 0], [1e6, 0], [1e6, 1e6], [0, 0]] })).toBe("solid");
    for (const kind of ["rectangle", "freedraw"]) expect(fill({ kind, width: 19_200, height: 10_800, stroke_width: 1 })).toBe("hachure");
  });

  it("is drawn in the time of others, whatever numbers it has", () => {
    const odd = { strokeWidth: 1e9, roughness: 1e10, opacity: -5, points: [[0, 0], [1e30, 0]] };
    expect(shown({ kind: "line", props: odd })).toMatchObject({ strokeWidth: 2, roughness: 1, opacity: 100, points: [[0, 0], [10, 20]] });
    expect(shown({ kind: "text", props: { fontSize: 1e9, lineHeight: 1e9 } })).toMatchObject({ fontSize: 20, lineHeight: 1.25 });
    expect(shown({ stroke_width: 1000, roughness: 100, opacity: 0 })).toMatchObject({ strokeWidth: 1000, roughness: 100, opacity: 0 });
  });

  it("has nothing of its own under the names that every object has", () => {
    const props = JSON.parse('{"hasOwnProperty": 5, "__proto__": null, "toString": 1, "constructor": {}, "valueOf": 2, "propertyIsEnumerable": 0}') as Json;
    expect(Object.getOwnPropertyNames(shown({ props })).filter((name) => name in Object.prototype)).toEqual([]);
    expect(changed(row({ props }), { y: 5 }).now["props"]).toEqual(props);
  });

  it("is in no frame where it is one", () => {
    for (const kind of ["frame", "magicframe"]) expect(shown({ kind, frame_id: "f" })["frameId"]).toBeNull();
    expect(shown({ frame_id: "f" })["frameId"]).toBe("f");
    expect(changed(row({ kind: "frame", frame_id: "f" }), { y: 5 }).now["frame_id"]).toBe("f");
  });

  it("shows a value of its columns where props has another that is none", () => {
    const odd = { x: {}, width: "1", angle: null, strokeColor: 5, groupIds: [null], opacity: "x", locked: 1, roundness: 3, link: {}, seed: "s" };
    expect(shown({ props: odd })).toMatchObject({ x: 0, width: 0, angle: 0, strokeColor: "#1e1e1e", groupIds: [], opacity: 100, locked: false, roundness: null });
    const text = { text: {}, fontSize: "x", lineHeight: {}, containerId: 5, originalText: [] };
    expect(shown({ kind: "text", props: text })).toMatchObject({ text: "", fontSize: 20, lineHeight: 1.25, containerId: null, originalText: "" });
    expect(shown({ kind: "arrow", props: { startBinding: { elementId: {} }, fixedSegments: [1], elbowed: 5 } })).toMatchObject({ startBinding: null, fixedSegments: null, elbowed: false });
    expect(shown({ kind: "image", props: { scale: 5, crop: {} } })).toMatchObject({ scale: [1, 1], crop: null });
  });
});

const oddJson = fc.jsonValue({ maxDepth: 2 }).map((value) => JSON.parse(JSON.stringify(value)) as Json);
const oddProps = fc.dictionary(
  fc.constantFrom("x", "width", "angle", "points", "pressures", "name", "boundElements", "strokeColor", "groupIds", "text", "startBinding", "roundness", "index", "fillStyle", "fontSize"),
  oddJson.filter((value) => JSON.stringify(value).length < 200), { maxKeys: 5 },
);
const oddRow = fc.record({
  kind: fc.constantFrom("rectangle", "line", "arrow", "freedraw", "frame", "text", "image", "__proto__", "constructor", "triangle"),
  index: fc.constantFrom(...INVALID.filter((index) => index !== "" && !index.includes(" ")), "a1", null),
  points: fc.constantFrom([], [[1, 2]], [[1, 2, 0.5], [3, 4, 0.5]], [[0, 0], [10, 20]]),
  fill_style: fc.constantFrom("hachure", "dots", null), width: fc.constantFrom(10, 1e9), props: oddProps,
}, { requiredKeys: ["kind", "props"] }).map(row);

describe("an odd row", () => {
  it("comes back as it was, for what nobody changed", () => {
    fc.assert(fc.property(oddRow, fc.integer({ min: 1, max: 99 }), (held, y) => {
      expect(says(painted(held, undefined), held)).toBe(true);
      expect(changed(held, {}).ops).toEqual([]);
      const { now } = changed(held, { y });
      const { y: _, ...props } = held["props"] as Record<string, Json>;
      expect(now).toEqual({ ...held, y, props });
    }), seeded());
  });

  it("shows what a person changed, whatever was there before", () => {
    const later = { x: 7, width: 8, angle: 1, strokeColor: "#e03131", groupIds: ["g"], index: "a2", text: "hello", name: "Plan", roundness: { type: 3 }, boundElements: [{ id: "b", type: "arrow" }] };
    fc.assert(fc.property(oddRow, fc.subarray(Object.keys(later), { minLength: 1 }), (held, names) => {
      const more = Object.fromEntries(Object.entries(later).filter(([name]) => names.includes(name)));
      expect(painted(changed(held, more).now, undefined)).toMatchObject(more);
    }), seeded());
  });

  it("gets the whole path when somebody draws on from what was shown in its place", () => {
    for (const odd of [{ points: [] }, {}, { props: { points: 5 } }, { points: [[1, 1], [2, 2]], props: { points: [] } }, { points: [[0, 0, 1], [10, 20, 1]], props: { pressures: 5 } }]) {
      const points = [[0, 0], [10, 20], [30, 40]];
      const { now } = changed(row({ kind: "line", ...odd }), { points });
      expect(now).toMatchObject({ points, props: {} });
      expect(painted(now, undefined)["points"]).toEqual(points);
    }
  });

  it("leaves nothing that the component would break at", () => {
    fc.assert(fc.property(element, (given) => {
      const { index, name, points, boundElements, groupIds, strokeColor, type } = complete(fromRow(toRow(given), passport));
      expect(index === null || isOrderKey(index)).toBe(true);
      expect(typeof strokeColor).toBe("string");
      expect(Array.isArray(groupIds)).toBe(true);
      expect(boundElements === null || Array.isArray(boundElements)).toBe(true);
      if (type === "frame") expect(name === null || typeof name === "string").toBe(true);
      if (type === "line" || type === "arrow" || type === "freedraw") expect((points as unknown[]).length).toBeGreaterThan(0);
    }), seeded());
  });
});
