import { account, end } from "./account/account.js";
import { originWords } from "./origin.js";
import { linkOf } from "./share/links.js";

/** A refusal of the node, or its silence, in words for a person; `code` is for programs. */
export class Refusal extends Error {
  constructor(
    readonly code: string,
    message: string,
  ) {
    super(message);
  }
}

const SAID: Readonly<Record<string, string>> = {
  pruned: "The board's past is not kept that far back any more.",
  too_large: "That is more than the node takes at once.",
  unavailable: "The node cannot reach its database. Try again in a moment.",
  forbidden: "You may not do that here.",
  rate_limited: "That was tried too often. Try again in a minute.",
};

/** What a refusal means where it says more than everywhere. */
const SAID_AT: readonly (readonly [RegExp, string, string])[] = [
  [/^\/api\/rooms$|\/branch$/, "conflict", "A room of that name is there already: choose another."],
  [/^\/api\/files\//, "invalid", "It must be a PNG, JPEG, GIF or WebP picture."],
  [/^\/api\/signup$/, "conflict", "This login is taken: choose another."],
  [/^\/api\/signin$/, "unauthorized", "The login or the password is wrong."],
  [/\/members\/[^/]*$/, "not_found", "There is nobody of this login here: they sign up first."],
  [/\/(members|links)\/[^/]*$/, "conflict", "Somebody must own the room: make another owner first."],
];

/** Asks the node, as who one is and by the link one has; what it refuses, and that it does not answer, is a [`Refusal`]. */
export async function ask<T>(path: string, init: RequestInit = {}): Promise<T> {
  const answer = await fetch(path, { ...init, headers: { ...credentials(path), ...init.headers } }).catch((failure: unknown) => {
    if (init.signal?.aborted) throw failure;
    throw new Refusal("unavailable", "No node answers. Are you offline?");
  });
  const body: unknown = await answer.json().catch(() => undefined);
  if (answer.ok) return body as T;
  const said = (body as { error?: { code?: string; message?: string } } | undefined)?.error;
  // What is between the page and the node may have a limit of its own, and says so in its own words.
  const code = said?.code ?? (answer.status === 413 ? "too_large" : "unavailable");
  if (code === "unauthorized" && account() && !path.startsWith("/api/sign")) {
    // The sign-in ran out: this person is a guest until they sign in anew.
    end();
    return ask(path, init);
  }
  throw new Refusal(code, originWords(said?.message) ?? wordsFor(path, code) ?? said?.message ?? `The node answered ${answer.status}.`);
}

/** Asks for something that is no JSON; nothing when it is refused. */
export async function askBlob(path: string): Promise<Blob | undefined> {
  const answer = await fetch(path, { headers: credentials(path) }).catch(() => undefined);
  return answer?.ok ? answer.blob() : undefined;
}

/** Posts JSON. */
export function post<T>(path: string, body: unknown): Promise<T> {
  return ask<T>(path, { method: "POST", body: JSON.stringify(body) });
}

function wordsFor(path: string, code: string): string | undefined {
  return SAID_AT.find(([where, of]) => of === code && where.test(path))?.[2] ?? SAID[code];
}

function credentials(path: string): Record<string, string> {
  const token = path === "/api/signin" || path === "/api/signup" ? undefined : account()?.token;
  const link = linkOf(/^\/api\/rooms\/([^/?]+)/.exec(path)?.[1] ?? "");
  return { ...(token === undefined ? {} : { authorization: `Bearer ${token}` }), ...(link === undefined ? {} : { "x-pgcanvas-link": link }) };
}
