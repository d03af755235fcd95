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
  conflict: "A room of that name is there already: choose another.",
  pruned: "The board's past is not kept that far back any more.",
  too_large: "That is more than the node takes at once.",
  unavailable: "The node cannot reach its database. Try again in a moment.",
};

/** Asks the node; what it refuses, and that it does not answer, is a [`Refusal`]. */
export async function ask<T>(path: string, init: RequestInit = {}): Promise<T> {
  const answer = await fetch(path, init).catch((failure: unknown) => {
    if (init.signal?.aborted) throw failure;
    throw new Refusal("unavailable", "No node answers. Are you offline?");
  });
  const body: unknown = await answer.json().catch(() => undefined);
  if (answer.ok) return body as T;
  const said = (body as { error?: { code?: string; message?: string } } | undefined)?.error;
  const code = said?.code ?? "unavailable";
  throw new Refusal(code, SAID[code] ?? said?.message ?? `The node answered ${answer.status}.`);
}

/** Posts JSON. */
export function post<T>(path: string, body: unknown): Promise<T> {
  return ask<T>(path, { method: "POST", body: JSON.stringify(body) });
}
