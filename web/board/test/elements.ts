import fc, { type Arbitrary } from "fast-check";
import type { Element } from "../src/mapping/index.js";

/** Text that PostgreSQL can keep. */
const text = fc.string({ unit: "binary", maxLength: 40 }).map((value) => value.replaceAll("\u0000", "").toWellFormed());
const number = fc.oneof(
  fc.double({ noNaN: true, noDefaultInfinity: true, min: -1e12, max: 1e12 }),
  fc.integer({ min: -5000, max: 5000 }),
).map((value) => value + 0);
const json = fc.jsonValue({ maxDepth: 3 }).map((value) => clean(value));
const point = fc.tuple(number, number);
const color = fc.oneof(fc.constantFrom("#1e1e1e", "transparent", "#ffec99"), text);
const binding = fc.option(fc.record({ elementId: text, focus: number, gap: number }), { nil: null });

/** Any of the values, or what no version of Excalidraw would write. */
const wild = (values: Arbitrary<unknown>): Arbitrary<unknown> => fc.oneof({ weight: 9, arbitrary: values }, { weight: 1, arbitrary: json });

const common = fc.record(
  {
    strokeColor: wild(color), backgroundColor: wild(color), fillStyle: wild(fc.constantFrom("hachure", "solid")),
    strokeWidth: wild(number), strokeStyle: wild(fc.constantFrom("solid", "dotted")), roughness: wild(number), opacity: wild(number),
    groupIds: wild(fc.array(text, { maxLength: 4 })), frameId: wild(fc.option(text, { nil: null })),
    index: wild(fc.option(fc.constantFrom("a0", "a1V", "Zz"), { nil: null })),
    roundness: wild(fc.option(fc.record({ type: fc.constantFrom(1, 2, 3) }), { nil: null })), seed: wild(number), link: wild(text),
    boundElements: wild(fc.array(fc.record({ id: text, type: fc.constantFrom("arrow", "text") }), { maxLength: 3 })),
    locked: wild(fc.boolean()), customData: wild(fc.dictionary(text, json, { maxKeys: 4 })), version: number, versionNonce: number,
    updated: number, isDeleted: fc.boolean(),
  },
  { requiredKeys: [] },
);

const special = fc.record(
  {
    points: wild(fc.array(point, { maxLength: 8 })), pressures: wild(fc.array(fc.double({ min: 0, max: 1, noNaN: true }), { maxLength: 8 })),
    simulatePressure: fc.boolean(), lastCommittedPoint: fc.option(point, { nil: null }), startBinding: binding, endBinding: binding,
    startArrowhead: fc.constantFrom(null, "arrow", "crowfoot_many"), elbowed: fc.boolean(), text: wild(text), originalText: text,
    fontSize: wild(number), fontFamily: wild(fc.integer({ min: 1, max: 10 })), containerId: wild(fc.option(text, { nil: null })),
    lineHeight: number, fileId: wild(fc.option(text, { nil: null })), scale: fc.tuple(fc.constantFrom(-1, 1), fc.constantFrom(-1, 1)),
    crop: json, name: fc.option(text, { nil: null }),
  },
  { requiredKeys: [] },
);

/** Members that no version knows yet; some have names that a row has for other things. */
const unknown = fc.dictionary(
  fc.oneof(text, fc.constantFrom("props", "kind", "seq", "frame_id", "unset", "created_by", "a.b", "constructor")).filter((name) => name !== "id" && name !== "type" && name !== "__proto__"),
  json, { maxKeys: 3 },
);

const geometry = fc.record({ x: wild(number), y: wild(number), width: wild(number), height: wild(number), angle: wild(number) });
const type = fc.constantFrom("rectangle", "diamond", "ellipse", "line", "arrow", "freedraw", "text", "image", "frame", "magicframe", "iframe", "embeddable", "triangle");

/** An element of any type with any members. */
export const element: Arbitrary<Element> = fc.tuple(unknown, special, common, geometry, type, fc.uuid()).map(
  ([more, own, shared, place, kind, id]) => ({ ...more, ...own, ...shared, ...place, type: kind, id }),
);

/** The value without what neither JSON nor PostgreSQL can keep. */
function clean(value: unknown): unknown {
  if (typeof value === "string") return value.replaceAll("\u0000", "").toWellFormed();
  if (typeof value === "number") return Math.max(-1e30, Math.min(1e30, value)) + 0;
  if (Array.isArray(value)) return value.map(clean);
  if (typeof value !== "object" || value === null) return value;
  return Object.fromEntries(Object.entries(value).filter(([name]) => name !== "__proto__").map(([name, member]) => [clean(name), clean(member)]));
}
