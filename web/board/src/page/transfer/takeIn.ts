import { arePairs, KINDS, whyTooDeep, type Element } from "../../mapping/index.js";
import { leftOut, type LeftOut } from "./leftOut.js";

/** What of some elements can be read, and what cannot. */
export interface Taken {
  readonly elements: readonly Element[];
  readonly left: readonly LeftOut[];
}

/** What the component makes of one element of any version; none of what nobody would see. It throws at what it cannot read. */
export type Restore = (element: Element) => Element | undefined;

type Mapped = Readonly<Record<string, unknown>>;

const UNREADABLE = "it cannot be read";

/**
 * Reads elements from outside, one by one: one that cannot be read does not take the others along. Each has a name of its own then, by which
 * the others refer to it as before.
 */
export function takeIn(given: readonly unknown[], restore: Restore, newId: () => string): Taken {
  const names = new Map<unknown, string>();
  const used = new Set<string>();
  const elements: Element[] = [];
  const left: LeftOut[] = [];
  for (const one of given) {
    if (isMapped(one) && (one["isDeleted"] === true || one["type"] === "selection")) continue;
    const element = readOne(one, restore);
    if (typeof element === "string") left.push(leftOut(one, element));
    if (typeof element !== "object") continue;
    const id = isName(element.id) && !used.has(element.id) ? element.id : newId();
    used.add(id);
    if (!names.has(element.id)) names.set(element.id, id);
    elements.push({ ...element, id });
  }
  return { elements: [...names].every(([before, now]) => before === now) ? elements : elements.map((element) => renamed(element, names)), left };
}

/** The element, why it cannot be read, or nothing where there is nothing to see. */
function readOne(given: unknown, restore: Restore): Element | string | undefined {
  if (!isMapped(given) || typeof given["type"] !== "string") return UNREADABLE;
  const type = given["type"] === "draw" ? "line" : given["type"];
  if (!isPlaced(given)) return UNREADABLE;
  const tooDeep = whyTooDeep(given);
  if (tooDeep) return tooDeep;
  if (!KINDS.has(type)) return isName(type, 64) ? (given as unknown as Element) : UNREADABLE;
  const sound = withSoundParts(given);
  if (type === "freedraw" && !(arePairs(sound["points"]) && sound["points"].length > 0)) return UNREADABLE;
  if (type === "text" && typeof sound["text"] !== "string") return UNREADABLE;
  try {
    // The component takes a stroke of one point for nothing; it is a dot.
    return restore(sound as unknown as Element) ?? (type === "freedraw" ? (sound as unknown as Element) : undefined);
  } catch {
    return UNREADABLE;
  }
}

/** Whether it says where it is; what it leaves out the component makes up. */
function isPlaced(given: Mapped): boolean {
  return ["x", "y", "width", "height", "angle"].every((name) => given[name] == null || Number.isFinite(given[name]));
}

/** The element without those of its parts that alone cannot be read: points of a path, what it is bound to. */
function withSoundParts(given: Mapped): Mapped {
  const sound: Record<string, unknown> = { ...given, index: null };
  const { points, pressures } = given;
  if (Array.isArray(points)) {
    const isSound = points.map((point) => arePairs([point]));
    const cut = (values: readonly unknown[]) => (isSound.every(Boolean) ? values : values.filter((_, at) => isSound[at] !== false));
    sound["points"] = cut(points);
    if (Array.isArray(pressures)) sound["pressures"] = cut(pressures);
  }
  for (const [name, fits] of Object.entries(REFERENCES)) if (given[name] != null && !fits(given[name])) delete sound[name];
  if (Array.isArray(given["boundElements"])) sound["boundElements"] = given["boundElements"].filter((bound) => isReference(bound, "id"));
  return sound;
}

/** What an element may say of others, and what is left out alone where it is none. */
const REFERENCES: Readonly<Record<string, (value: unknown) => boolean>> = {
  startBinding: (value) => isReference(value, "elementId"), endBinding: (value) => isReference(value, "elementId"),
  boundElements: Array.isArray, boundElementIds: Array.isArray, groupIds: Array.isArray, link: (value) => typeof value === "string",
};

function isReference(value: unknown, member: string): boolean {
  return isMapped(value) && ["string", "number"].includes(typeof value[member]);
}

/** The element with others called as they are called now. */
function renamed(element: Element, names: ReadonlyMap<unknown, string>): Element {
  const named = (id: unknown) => names.get(id) ?? id;
  const changed: Record<string, unknown> = {};
  for (const member of ["containerId", "frameId"]) if (element[member] != null) changed[member] = named(element[member]);
  for (const member of ["startBinding", "endBinding"]) {
    const binding = element[member];
    if (isMapped(binding)) changed[member] = { ...binding, elementId: named(binding["elementId"]) };
  }
  const { boundElements } = element;
  if (Array.isArray(boundElements)) changed["boundElements"] = boundElements.map((bound: Mapped) => ({ ...bound, id: named(bound["id"]) }));
  return { ...element, ...changed };
}

/** Whether a shape, or a kind, can be called so. */
function isName(name: unknown, mostChars = 128): name is string {
  return typeof name === "string" && name !== "" && [...name].length <= mostChars && !name.includes("\u0000") && name.isWellFormed();
}

function isMapped(value: unknown): value is Mapped {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}
