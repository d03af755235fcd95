import type { Json, JsonObject, Shape } from "@pgcanvas/client";

/** In what a text may be written, of the kinds that hold none. */
const HOLDS_NO_TEXT: ReadonlySet<string> = new Set(["line", "freedraw", "text", "image", "frame", "magicframe", "embeddable", "iframe"]);
/** To what no arrow can be bound. */
const HOLDS_NO_ARROW: ReadonlySet<string> = new Set(["line", "arrow", "freedraw"]);

/** What a row says of one that it belongs to. */
interface Tie {
  readonly to: string;
  readonly type: "text" | "arrow";
}

/** What a row says of another, told from there. */
interface Bound {
  readonly id: string;
  readonly type: "text" | "arrow";
}

/**
 * What belongs together is written in both rows: a label names its box, and the box its label. Programs write one half. Here a row is shown with
 * what others say of it, so that what belongs together moves together; nobody is told of that as of an edit.
 */
export class Halves {
  /** What each row says of others. */
  private readonly ties = new Map<string, readonly Tie[]>();
  /** Which texts a row says it holds. */
  private readonly texts = new Map<string, readonly string[]>();
  /** By what is named, who names it. */
  private readonly bound = new Map<string, Map<string, Bound>>();
  private readonly holders = new Map<string, Set<string>>();
  private readonly made = new WeakMap<Shape, { readonly key: string; readonly row: Shape }>();

  /** Takes in what a row says now, or that it is gone. Gives the rows that are to be shown otherwise for it. */
  note(id: string, row: Shape | undefined): Set<string> {
    const [ties, texts] = [row ? tiesOf(row) : [], row ? textsOf(row) : []];
    const [before, held] = [this.ties.get(id) ?? [], this.texts.get(id) ?? []];
    const changed = new Set<string>();
    for (const { to } of before) {
      this.bound.get(to)?.delete(id);
      changed.add(to);
    }
    for (const text of held) {
      this.holders.get(text)?.delete(id);
      changed.add(text);
    }
    for (const { to, type } of ties) {
      ensure(this.bound, to, () => new Map<string, Bound>()).set(id, { id, type });
      changed.add(to);
    }
    for (const text of texts) {
      ensure(this.holders, text, () => new Set<string>()).add(id);
      changed.add(text);
    }
    keep(this.ties, id, ties);
    keep(this.texts, id, texts);
    changed.delete(id);
    return changed;
  }

  /** The row with the halves that others have: the same object as long as nothing about it changed. */
  completed(row: Shape): Shape {
    const missing = this.missingOf(row);
    const holder = this.holderOf(row);
    if (missing.length === 0 && holder === undefined) return row;
    const key = JSON.stringify([missing, holder]);
    const known = this.made.get(row);
    if (known?.key === key) return known.row;
    const props = isObject(row["props"]) ? row["props"] : {};
    const listed = Array.isArray(props["boundElements"]) ? (props["boundElements"] as readonly Json[]) : [];
    const boundElements = missing.length === 0 ? {} : { props: { ...props, boundElements: [...listed, ...missing] as unknown as Json } };
    const made = { ...row, ...boundElements, ...(holder === undefined ? {} : { container_id: holder }) } as Shape;
    this.made.set(row, { key, row: made });
    return made;
  }

  /** Who says that they belong to the row, of those whom it does not name; a box holds one text. */
  private missingOf(row: Shape): Bound[] {
    const named = boundOf(row);
    const isNamed = new Set(named.map(({ id }) => id));
    let holdsText = HOLDS_NO_TEXT.has(row.kind) || named.some(({ type }) => type === "text");
    const found: Bound[] = [];
    const bound = [...(this.bound.get(row.id)?.values() ?? [])].sort((left, right) => (left.id < right.id ? -1 : 1));
    for (const one of bound) {
      if (isNamed.has(one.id) || (one.type === "text" ? holdsText : HOLDS_NO_ARROW.has(row.kind))) continue;
      found.push(one);
      holdsText ||= one.type === "text";
    }
    return found;
  }

  /** The box that says that it holds the text, where that says nothing of it; that it stands alone it says with null. */
  private holderOf(row: Shape): string | undefined {
    if (row.kind !== "text" || row["container_id"] !== undefined || hasOwn(row["props"], "containerId")) return undefined;
    return [...(this.holders.get(row.id) ?? [])].sort()[0];
  }
}

/** The rows of a board, each with what the others say of it. */
export function completed(rows: readonly Shape[]): Shape[] {
  const halves = new Halves();
  for (const row of rows) halves.note(row.id, row);
  return rows.map((row) => halves.completed(row));
}

function tiesOf(row: Shape): Tie[] {
  const props = isObject(row["props"]) ? row["props"] : {};
  const container = hasOwn(props, "containerId") ? props["containerId"] : row["container_id"];
  if (row.kind === "text") return typeof container === "string" && container !== row.id ? [{ to: container, type: "text" }] : [];
  if (row.kind !== "arrow") return [];
  return ["startBinding", "endBinding"].flatMap((member): Tie[] => {
    const binding = props[member];
    const to = isObject(binding) ? binding["elementId"] : undefined;
    return typeof to === "string" && to !== row.id ? [{ to, type: "arrow" }] : [];
  });
}

/** The texts that a row says it holds. */
function textsOf(row: Shape): string[] {
  return HOLDS_NO_TEXT.has(row.kind) ? [] : boundOf(row).flatMap(({ id, type }) => (type === "text" ? [id] : []));
}

/** What a row says is bound to it. */
function boundOf(row: Shape): { readonly id: string; readonly type: string }[] {
  const { boundElements } = isObject(row["props"]) ? row["props"] : {};
  return (Array.isArray(boundElements) ? (boundElements as readonly Json[]) : []).flatMap((bound) =>
    isObject(bound) && typeof bound["id"] === "string" && typeof bound["type"] === "string" ? [{ id: bound["id"], type: bound["type"] }] : [],
  );
}

function keep<Value>(map: Map<string, readonly Value[]>, id: string, values: readonly Value[]): void {
  if (values.length > 0) map.set(id, values);
  else map.delete(id);
}

function ensure<Value>(map: Map<string, Value>, id: string, make: () => Value): Value {
  const found = map.get(id) ?? make();
  map.set(id, found);
  return found;
}

function hasOwn(value: Json | undefined, name: string): boolean {
  return isObject(value) && Object.hasOwn(value, name);
}

function isObject(value: Json | undefined): value is JsonObject {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}
