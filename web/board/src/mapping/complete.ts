import { nearest } from "./columns.js";
import {
  isBinding, isBound, isCrop, isFlag, isNumber, isPair, isPath, isRoundness, isSegment, isText, listOf, oneOf, orAbsent, orNull, within, type Fits,
} from "./drawable.js";
import type { Element } from "./element.js";
import { isTooLargeToHatch } from "./fill.js";
import { isOrderKey } from "./orderKey.js";

type Shown = Record<string, unknown>;
/** What is shown in place of a member that the component cannot draw, by those that were looked at before it. */
type StandIn = (shown: Readonly<Shown>) => unknown;
type Members = Readonly<Record<string, readonly [Fits, StandIn]>>;

const always = (value: unknown): StandIn => () => value;
const coordinate = (name: string): readonly [Fits, StandIn] => [(value) => isNumber(value) && nearest(name, value) === value, (shown) => nearest(name, shown[name])];

/** What the component needs of every element, and takes when a row says nothing: a row may come from SQL with hardly more than a place. */
const COMMON: Members = {
  x: coordinate("x"), y: coordinate("y"), width: coordinate("width"), height: coordinate("height"), angle: coordinate("angle"),
  index: [isOrderKey, always(null)], seed: [isNumber, ({ id }) => seedOf(String(id))],
  strokeColor: [isText, always("#1e1e1e")], backgroundColor: [isText, always("transparent")],
  fillStyle: [oneOf("hachure", "cross-hatch", "zigzag", "solid"), always("solid")],
  strokeWidth: [within(0, 1000), always(2)], strokeStyle: [isText, always("solid")], roughness: [within(0, 100), always(1)],
  opacity: [within(0, 100), always(100)],
  groupIds: [listOf(isText), always([])], frameId: [orNull(isText), always(null)], roundness: [orNull(isRoundness), always(null)],
  boundElements: [orNull(listOf(isBound)), ({ boundElements }) => (Array.isArray(boundElements) ? boundElements.filter(isBound) : null)],
  link: [orNull(isText), always(null)], locked: [isFlag, always(false)],
};

const POINTS: Members = { points: [isPath, diagonal], lastCommittedPoint: [orNull(isPair), always(null)] };
const LINE: Members = {
  ...POINTS, startBinding: [orNull(isBinding), bound("startBinding")], endBinding: [orNull(isBinding), bound("endBinding")],
  startArrowhead: [orNull(isText), always(null)], endArrowhead: [orNull(isText), always(null)],
};
/** How far the component keeps an arrow from what it is bound to. */
const GAP = 5;
/** The component has no frames in frames, and does not come back from two that are in each other. */
const FRAME: Members = { name: [orNull(isText), always(null)], frameId: [(value) => value === null, always(null)] };
/** What every object has, and the component asks an element for: one that has something else under such a name is none to it. */
const INHERITED = Object.getOwnPropertyNames(Object.prototype);

const BY_TYPE: ReadonlyMap<string, Members> = new Map<string, Members>([
  ["rectangle", {}],
  ["diamond", {}],
  ["ellipse", {}],
  ["embeddable", {}],
  ["iframe", {}],
  ["frame", FRAME],
  ["magicframe", FRAME],
  ["line", LINE],
  ["arrow", {
    ...LINE, endArrowhead: [orNull(isText), always("arrow")], elbowed: [isFlag, always(false)],
    fixedSegments: [orAbsent(orNull(listOf(isSegment))), always(null)],
  }],
  ["freedraw", { ...POINTS, pressures: [listOf(isNumber), always([])], simulatePressure: [isFlag, always(true)] }],
  ["image", {
    fileId: [orNull(isText), always(null)], status: [isText, always("saved")], scale: [isPair, always([1, 1])], crop: [orNull(isCrop), always(null)],
  }],
  ["text", {
    text: [isText, always("")], fontSize: [within(0, 10_000), always(20)], fontFamily: [isNumber, always(5)], textAlign: [isText, always("left")],
    verticalAlign: [isText, always("top")], containerId: [orNull(isText), always(null)], originalText: [isText, ({ text }) => text],
    autoResize: [isFlag, always(true)], lineHeight: [within(0, 100), always(1.25)],
  }],
]);

/** The kinds that the component knows. */
export const KINDS: ReadonlySet<string> = new Set(BY_TYPE.keys());

/**
 * The element with all that the component needs, and nothing that it breaks at: a row holds whatever somebody wrote, and one that cannot be
 * drawn would take the board from everybody. A kind that it does not know is shown as the box that it has. What is shown otherwise than the
 * row says is nobody's edit, and stays in the row until somebody changes it.
 */
export function complete(element: Element): Element {
  const own = BY_TYPE.get(element.type);
  const shown: Shown = { ...element, type: own ? element.type : "rectangle" };
  for (const name of INHERITED) if (Object.hasOwn(shown, name)) Reflect.deleteProperty(shown, name);
  for (const [name, [fits, standIn]] of Object.entries({ ...COMMON, ...own })) {
    if (!fits(shown[name])) shown[name] = standIn(shown);
  }
  if (isTooLargeToHatch(shown)) shown["fillStyle"] = "solid";
  if (element.type === "arrow" && shown["elbowed"] === true) for (const end of ["startBinding", "endBinding"]) shown[end] = fixed(shown[end]);
  return shown as unknown as Element;
}

/** A binding that names what it binds to and hardly more, as programs write it: to the middle of what it names, a little off its edge. */
function bound(member: string): StandIn {
  return ({ [member]: told }) => {
    const binding: Readonly<Shown> = typeof told === "object" && told !== null ? (told as Shown) : {};
    const made = { ...binding, focus: isNumber(binding["focus"]) ? binding["focus"] : 0, gap: isNumber(binding["gap"]) ? binding["gap"] : GAP };
    return isBinding(made) ? made : null;
  };
}

/** The binding of an arrow with corners: it is bound to a point, of which the component needs to know; not the very middle, which is on no side. */
function fixed(binding: unknown): unknown {
  return typeof binding === "object" && binding !== null ? { fixedPoint: [0.5001, 0.5001], ...binding } : binding;
}

/** The line that a box stands for when it has no points. */
function diagonal({ width, height }: Readonly<Shown>): unknown {
  return [[0, 0], [width, height]];
}

/** A seed that everybody makes alike of an id, so that a shape without one looks the same on every screen. */
function seedOf(id: string): number {
  let hash = 0x811c9dc5;
  for (const character of id) hash = Math.imul(hash ^ (character.codePointAt(0) ?? 0), 0x01000193);
  return (hash >>> 1) + 1;
}
