import type { Element } from "./element.js";

/** What the component needs of every element, and takes when a row says nothing: a row may come from SQL with hardly more than a place. */
const COMMON = {
  strokeColor: "#1e1e1e", backgroundColor: "transparent", fillStyle: "solid", strokeWidth: 2, strokeStyle: "solid", roughness: 1,
  opacity: 100, angle: 0, groupIds: [], frameId: null, roundness: null, boundElements: null, link: null, locked: false, index: null,
} as const;

const LINEAR = { lastCommittedPoint: null, startBinding: null, endBinding: null, startArrowhead: null, endArrowhead: null } as const;

const BY_TYPE: Readonly<Record<string, (element: Element) => Record<string, unknown>>> = {
  rectangle: () => ({}),
  diamond: () => ({}),
  ellipse: () => ({}),
  embeddable: () => ({}),
  iframe: () => ({}),
  frame: () => ({ name: null }),
  magicframe: () => ({ name: null }),
  line: (element) => ({ ...LINEAR, points: diagonal(element) }),
  arrow: (element) => ({ ...LINEAR, points: diagonal(element), endArrowhead: "arrow", elbowed: false }),
  freedraw: (element) => ({ points: diagonal(element), pressures: [], simulatePressure: true, lastCommittedPoint: null }),
  image: () => ({ fileId: null, status: "saved", scale: [1, 1], crop: null }),
  text: (element) => ({
    text: "", fontSize: 20, fontFamily: 5, textAlign: "left", verticalAlign: "top", containerId: null,
    originalText: element["text"] ?? "", autoResize: true, lineHeight: 1.25,
  }),
};

/** Members that the component reads as they are: a null there is as good as nothing. */
const NEVER_NULL: ReadonlySet<string> = new Set([
  "strokeColor", "backgroundColor", "fillStyle", "strokeWidth", "strokeStyle", "roughness", "opacity", "groupIds", "locked", "points",
  "pressures", "text", "originalText", "fontSize", "fontFamily", "textAlign", "verticalAlign", "lineHeight", "scale",
]);

/** The element with all that the component needs. A kind that it does not know is shown as the box that it has. */
export function complete(element: Element): Element {
  const known = BY_TYPE[element.type];
  const type = known ? element.type : "rectangle";
  const defaults: Record<string, unknown> = { ...COMMON, seed: seedOf(element.id), ...known?.(element) };
  const given = Object.entries(element).filter(([name, value]) => value !== undefined && !(value === null && NEVER_NULL.has(name)));
  return { ...defaults, ...Object.fromEntries(given), type } as unknown as Element;
}

/** The line that a box stands for when it has no points. */
function diagonal(element: Element): number[][] {
  return [[0, 0], [Number(element["width"] ?? 0), Number(element["height"] ?? 0)]];
}

/** A seed that everybody makes alike of an id, so that a shape without one looks the same on every screen. */
function seedOf(id: string): number {
  let hash = 0x811c9dc5;
  for (const character of id) hash = Math.imul(hash ^ (character.codePointAt(0) ?? 0), 0x01000193);
  return (hash >>> 1) + 1;
}
