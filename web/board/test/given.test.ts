import { deflateSync } from "node:zlib";
import { describe, expect, it } from "vitest";
import { putOps, whyNotStorable, type Element } from "../src/mapping/index.js";
import { heldIn } from "../src/page/transfer/drawingIn.js";
import { told } from "../src/page/transfer/leftOut.js";
import { takeIn } from "../src/page/transfer/takeIn.js";

const names = () => {
  let count = 0;
  return () => `n${(count += 1)}`;
};
const box = (id: unknown, more: object = {}) => ({ id, type: "rectangle", x: 0, y: 0, width: 1, height: 1, ...more });
const take = (given: readonly unknown[], restore = (element: Element): Element | undefined => element) => takeIn(given, restore, names());

describe("elements from outside", () => {
  it("are read one by one: what cannot be read is left out, and named", () => {
    const broken = box("broken");
    const restore = (element: Element) => {
      if (element.id === "broken") throw new TypeError("no");
      return element;
    };
    const { elements, left } = take([
      null, 5, "x", [], {}, { type: 7 }, broken, box("a"), { ...box("s"), type: "freedraw", points: null }, { ...box("t"), type: "text", text: 5 },
      box("nan", { x: "far" }), box("gone", { isDeleted: true, points: 7 }), box("b"),
    ], restore);
    expect(elements.map(({ id }) => id)).toEqual(["a", "b"]);
    expect(left.length).toBe(10);
    expect(told(2, left)).toBe("2 shapes were added. 10 were left out: something that is no shape, because it cannot be read; something that is no shape, because it cannot be read; and 8 more.");
    expect(told(1, left.slice(6, 7))).toBe("1 shape was added. 1 was left out: rectangle “broken”, because it cannot be read.");
  });

  it("lose of what they hold only the parts that cannot be read", () => {
    const stroke = { ...box("s"), type: "freedraw", points: [[0, 0], null, [1, "x"], [5, 5]], pressures: [0.1, 0.2, 0.3, 0.4] };
    const { elements } = take([stroke, box("a", { boundElements: [null, { id: "s", type: "arrow" }], startBinding: 5, groupIds: "g", link: 7, index: "r00000000" })]);
    expect(elements[0]).toMatchObject({ points: [[0, 0], [5, 5]], pressures: [0.1, 0.4] });
    expect(elements[1]).toEqual({ ...box("a"), boundElements: [{ id: "s", type: "arrow" }], index: null });
  });

  it("get names where theirs are none, or are there twice, and refer to each other as before", () => {
    const label = { ...box("label"), type: "text", text: "a", containerId: 12345, frameId: "" };
    const { elements, left } = take([box(12345, { boundElements: [{ id: "label", type: "text" }] }), label, box("twice"), box("twice"), box("x".repeat(200)), box("a\u0000"), box("\ud800"), box("")]);
    expect(left).toEqual([]);
    expect(elements.map(({ id }) => id)).toEqual(["n1", "label", "twice", "n2", "n3", "n4", "n5", "n6"]);
    expect(elements[1]).toMatchObject({ containerId: "n1", frameId: "n6" });
  });

  it("that the component takes for nothing are let go of without a word, but for a dot", () => {
    const dot = { ...box("dot"), type: "freedraw", points: [[0, 0]] };
    expect(take([box("nothing"), dot], () => undefined)).toEqual({ elements: [{ ...dot, index: null }], left: [] });
  });

  it("of a kind that nobody knows are kept as they are", () => {
    const sticky = { ...box("s"), type: "sticky", hue: 5 };
    expect(take([sticky], () => undefined)).toEqual({ elements: [sticky], left: [] });
  });
});

describe("rows that a database takes", () => {
  const row = { id: "a", kind: "freedraw", x: 0, y: 0, width: 1, height: 1, angle: 0, props: {} };
  const nested = (depth: number): object => (depth === 0 ? {} : { a: nested(depth - 1) });

  it("are not larger, and not nested deeper, than they may be", () => {
    expect(whyNotStorable(row)).toBeUndefined();
    expect(whyNotStorable({ ...row, props: { a: "a".repeat(1_000_000) } })).toBeUndefined();
    expect(whyNotStorable({ ...row, props: { a: "a".repeat(1_300_000) } })).toBe("it is 1.2 MB, larger than a shape may be (1 MB)");
    expect(whyNotStorable({ ...row, props: { a: "ä".repeat(600_000) } })).toMatch(/larger/);
    expect(whyNotStorable({ ...row, props: nested(30) as never })).toBeUndefined();
    expect(whyNotStorable({ ...row, props: nested(31) as never })).toMatch(/nested/);
  });

  it("are put in several ops where a stroke has more points than one carries", () => {
    const points = Array.from({ length: 60_000 }, (_, at) => [Math.sin(at) * 250 + 0.123456789012, Math.cos(at) * 200 + 0.98765432101, 0.5]);
    const ops = putOps({ ...row, points });
    expect(ops.length).toBeGreaterThan(1);
    for (const op of ops) expect(JSON.stringify(op).length).toBeLessThan(1_048_576);
    expect(ops.flatMap((op) => (op.op === "put" ? (op.shape["points"] as never[]) : op.op === "append" ? op.points : []))).toEqual(points);
    expect(putOps({ ...row, points: [[0, 0]] })).toEqual([{ op: "put", shape: { ...row, points: [[0, 0]] } }]);
  });
});

describe("a file", () => {
  const scene = { type: "excalidraw", elements: [box("a", { text: "ä漢" })], files: { f: 1 } };
  const packed = (compressed: boolean) => {
    const bytes = compressed ? deflateSync(JSON.stringify(scene)) : Buffer.from(JSON.stringify(scene));
    return JSON.stringify({ version: "1", encoding: "bstring", compressed, encoded: bytes.toString("latin1") });
  };
  const chunk = (kind: string, body: string) => {
    const length = Buffer.alloc(4);
    length.writeUInt32BE(body.length);
    return Buffer.concat([length, Buffer.from(kind + body, "latin1"), Buffer.alloc(4)]);
  };
  const drawing = { what: "drawing", elements: scene.elements, files: scene.files };

  it("is read whatever it is: JSON, or a picture with its scene", async () => {
    expect(await heldIn(new Blob([`\ufeff${JSON.stringify(scene)}`]))).toEqual(drawing);
    for (const compressed of [true, false]) {
      const note = `application/vnd.excalidraw+json\0${packed(compressed)}`;
      const png = Buffer.concat([Buffer.from("\x89PNG\r\n\x1a\n", "latin1"), chunk("IHDR", "0".repeat(13)), chunk("tEXt", "Author\0me"), chunk("tEXt", note), chunk("IEND", "")]);
      expect(await heldIn(new Blob([png]))).toEqual(drawing);
      const payload = Buffer.from(packed(compressed), "latin1").toString("base64");
      expect(await heldIn(new Blob([`<svg><!-- payload-type:application/vnd.excalidraw+json --><!-- payload-version:2 --><!-- payload-start -->\n${payload}\n<!-- payload-end --></svg>`]))).toEqual(drawing);
    }
    const old = Buffer.from(JSON.stringify(scene)).toString("base64");
    expect(await heldIn(new Blob([`<svg><!-- payload-type:application/vnd.excalidraw+json --><!-- payload-start -->${old}<!-- payload-end --></svg>`]))).toEqual(drawing);
    expect(await heldIn(new Blob(['{"type":"excalidrawlib","library":[[{}]]}']))).toEqual({ what: "library", items: [[{}]] });
  });

  it("holds nothing where it is broken, or something else", async () => {
    const png = "\x89PNG\r\n\x1a\n";
    for (const text of ["", "{", "null", "5", "[]", "{}", '{"type":"excalidraw","elements":5}', '{"type":"x","elements":[]}', "<svg></svg>", png, `${png}\xff\xff\xff\xfftEXt`, `${png}\0\0\0\0tEXt`]) {
      expect(await heldIn(new Blob([Buffer.from(text, "latin1")])), text).toBeUndefined();
    }
  });
});
