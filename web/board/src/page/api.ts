import { account, end } from "./account/account.js";
import { originWords } from "./origin.js";
import { request } from "./request.js";
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
export async function ask<T>(path: string, init: RequestInit = {}, silenceMs?: number): Promise<T> {
  const { answer, content } = await heard(path, init, silenceMs, (given) => given.text());
  const body = json(content);
  if (answer.ok && body === NO_JSON) throw new Refusal("unavailable", "Something that is no node answers: a proxy, or a network that wants you to sign in.");
  if (answer.ok) return body as T;
  const said = (body as { error?: { code?: string; message?: string } } | null | undefined)?.error;
  // What is between the page and the node may have a limit of its own, and says so in its own words.
  const code = said?.code ?? (answer.status === 413 ? "too_large" : "unavailable");
  if (code === "unauthorized" && account() && !path.startsWith("/api/sign")) {
    // The sign-in ran out: this person is a guest until they sign in anew.
    end();
    return ask(path, init, silenceMs);
  }
  throw new Refusal(code, originWords(said?.message) ?? wordsFor(path, code) ?? said?.message ?? `The node answered ${answer.status}.`);
}

/** Asks for something that is no JSON; nothing when it is refused. That no node answers is a [`Refusal`]. */
export async function askBlob(path: string): Promise<Blob | undefined> {
  const { answer, content } = await heard(path, {}, undefined, (given) => given.blob());
  if (answer.status >= 500) throw silence();
  return answer.ok ? content : undefined;
}

/** An answer that came whole. */
async function heard<T>(path: string, init: RequestInit, silenceMs: number | undefined, read: (answer: Response) => Promise<T>): Promise<{ answer: Response; content: T }> {
  try {
    const answer = await request(path, { ...init, headers: { ...credentials(path), ...init.headers } }, silenceMs);
    return { answer, content: await read(answer) };
  } catch (failure) {
    if (init.signal?.aborted) throw failure;
    throw silence();
  }
}

function silence(): Refusal {
  return new Refusal("unavailable", "No node answers. Are you offline?");
}

/** What is no JSON, though there is something. */
const NO_JSON = Symbol("no JSON");

function json(text: string): unknown {
  try {
    return text === "" ? undefined : (JSON.parse(text) as unknown);
  } catch {
    return NO_JSON;
  }
}

/** Posts JSON. */
export function post<T>(path: string, body: unknown, silenceMs?: number): Promise<T> {
  return ask<T>(path, { method: "POST", body: JSON.stringify(body) }, silenceMs);
}

function wordsFor(path: string, code: string): string | undefined {
  return SAID_AT.find(([where, of]) => of === code && where.test(path))?.[2] ?? SAID[code];
}

function credentials(path: string): Record<string, string> {
  const token = path === "/api/signin" || path === "/api/signup" ? undefined : account()?.token;
  const link = linkOf(/^\/api\/rooms\/([^/?]+)/.exec(path)?.[1] ?? "");
  return { ...(token === undefined ? {} : { authorization: `Bearer ${token}` }), ...(link === undefined ? {} : { "x-pgcanvas-link": link }) };
}
