import type { Element } from "../../mapping/index.js";

type Mapped = Record<string, unknown>;

/**
 * Copies of a file's elements, with new names where one is taken: what is imported is added, and may be of this very board, or imported
 * for the second time. Who refers to whom stays as it was. They come to lie on top.
 */
export function fresh(elements: readonly Element[], isTaken: (id: string) => boolean, newId: () => string): Element[] {
  const names = new Map<string, string>();
  const groups = new Map<string, string>();
  const renames = elements.some(({ id }) => isTaken(id));
  if (renames) for (const { id } of elements) names.set(id, newId());
  const named = (id: unknown) => (typeof id === "string" ? (names.get(id) ?? id) : id);
  const grouped = (id: unknown) => {
    if (!renames || typeof id !== "string") return id;
    if (!groups.has(id)) groups.set(id, newId());
    return groups.get(id);
  };
  return elements.map((element) => ({
    ...element,
    ...renamed(element, named, grouped),
    id: named(element.id) as string,
    type: element.type,
    index: null,
  }));
}

/**
 * The elements with those that others name before those. A large drawing is sent in several batches, and a reference to what is not there, but
 * was deleted before under the same name, would be let go of.
 */
export function namedFirst(elements: readonly Element[]): Element[] {
  const rank = ({ type, containerId }: Element) => (type === "frame" || type === "magicframe" ? 0 : type === "arrow" ? 2 : type === "text" && containerId ? 3 : 1);
  return [...elements].sort((left, right) => rank(left) - rank(right));
}

/** The members of an element by which it refers to others. */
function renamed(element: Element, named: (id: unknown) => unknown, grouped: (id: unknown) => unknown): Mapped {
  const changed: Mapped = {};
  for (const member of ["containerId", "frameId"]) if (element[member]) changed[member] = named(element[member]);
  for (const member of ["startBinding", "endBinding"]) {
    const binding = element[member];
    if (isObject(binding)) changed[member] = { ...binding, elementId: named(binding["elementId"]) };
  }
  const { groupIds, boundElements } = element;
  if (Array.isArray(groupIds)) changed["groupIds"] = groupIds.map(grouped);
  if (Array.isArray(boundElements)) changed["boundElements"] = boundElements.map((bound) => (isObject(bound) ? { ...bound, id: named(bound["id"]) } : bound));
  return changed;
}

function isObject(value: unknown): value is Mapped {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}
