import type { Plugin } from "vite";

/** A part of the component that the page's policy forbids, or that a slow machine makes it give up, and what stands in its place. */
interface Change {
  readonly what: string;
  readonly found: RegExp;
  readonly instead: string;
}

/**
 * Calls a function of WebAssembly from here: what a binding of it does, which else is put together as text and made a function. The names say
 * what the values are: how to fail, the caller, the function, how to clear up, the types of what it gives and of `this`, and of each parameter.
 */
function bound(names: readonly string[], values: readonly unknown[]): unknown {
  interface Type { readonly name: string; toWireType(stack: unknown[], value: unknown): unknown; fromWireType(value: unknown): unknown }
  type Head = readonly [unknown, (...given: unknown[]) => unknown, unknown, (stack: unknown[]) => void, Type, Type | null];
  const [, call, code, clear, gives, self] = values as unknown as Head;
  const types = values.filter((_, at) => names[at]?.startsWith("argType")) as Type[];
  return function (this: unknown, ...given: unknown[]): unknown {
    const stack: unknown[] = [];
    const own = self ? [self.toWireType(stack, this)] : [];
    const result = call(code, ...own, ...types.map((type, at) => type.toWireType(stack, given[at])));
    clear(stack);
    return gives.name === "void" ? undefined : gives.fromWireType(result);
  };
}

/** What the component cuts fonts with was compiled to make functions of text. */
const CHANGES: readonly Change[] = [
  { what: "a function with a name", found: /new Function\("body",`[^`]*`\)\((\w+)\)/, instead: "(function(){return $1.apply(this,arguments)})" },
  { what: "a caller", found: /new Function\("dynCall","rawFunction",\w+\)\((\w+),(\w+)\)/, instead: "((...given)=>$1($2,...given))" },
  { what: "a binding", found: /[\w$]+\(Function,(\w+)\)\.apply\(null,(\w+)\)/, instead: `(${String(bound)})($1,$2)` },
  // A picture that comes decoded is there at once: the component paints anew only what was there when it began to decode.
  {
    what: "a decoded picture",
    found: /let ([\w$]+)=([\w$]+)\(([\w$]+)\.dataURL\),(?=[\w$]+=\{image:\1,mimeType:\3\.mimeType\})/,
    instead: "let $1=$3.image??$2($3.dataURL),",
  },
  // A worker that does not answer in time is given up for the rest of the page's life.
  { what: "the worker's time", found: /(this\.workerTTL=\w+\.ttl\|\|)1e3/, instead: "$130000" },
];

/** Lets the component keep to the page's policy, on slow machines and without workers, too. */
export function withoutEval(): Plugin {
  const missed = new Set(CHANGES);
  const transform = (code: string, id: string) => {
    if (!id.includes("@excalidraw/excalidraw/")) return undefined;
    const due = CHANGES.filter(({ found }) => found.test(code));
    for (const change of due) missed.delete(change);
    return due.length > 0 ? { code: due.reduce((text, { found, instead }) => text.replace(found, instead), code), map: null } : undefined;
  };
  const buildEnd = (failure?: Error) => {
    const names = [...missed].map(({ what }) => what).join(", ");
    if (!failure && names !== "") throw new Error(`not found in the component: ${names}: is it another version?`);
  };
  return { name: "without-eval", apply: "build", transform, buildEnd, generateBundle };
}

/** Nothing of the page makes code of text; what asks `Function` for the global object does so where there is no other way to it. */
function generateBundle(_: unknown, bundle: Readonly<Record<string, { readonly type: string; readonly code?: string }>>): void {
  for (const [name, { code = "" }] of Object.entries(bundle)) {
    const found = /.{40}(new Function\(|[^\w$.]eval\(|\(Function,).{40}/s.exec(code);
    if (found) throw new Error(`${name} makes code of text, which the page's policy forbids: ${found[0]}`);
  }
}
