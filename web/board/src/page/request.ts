/** How long a node may say nothing, before its answer and within it. */
const SILENCE_MS = 15_000;
/** The same where it reads much before it answers: its database may take a minute. */
export const LONG_SILENCE_MS = 75_000;

/** Asks the node. Its answer may come as slowly as it does, but not with silences: then it has broken off. */
export async function request(path: string, init: RequestInit = {}, silenceMs = SILENCE_MS): Promise<Response> {
  const silence = new AbortController();
  let timer: ReturnType<typeof setTimeout> | undefined;
  const quiet = () => clearTimeout(timer);
  const heard = () => {
    quiet();
    timer = setTimeout(() => silence.abort(), silenceMs);
  };
  heard();
  const signal = init.signal ? AbortSignal.any([init.signal, silence.signal]) : silence.signal;
  try {
    const answer = await fetch(path, { ...init, signal });
    if (answer.body) return listened(answer, answer.body, heard, quiet);
    quiet();
    return answer;
  } catch (failure) {
    quiet();
    throw failure;
  }
}

/** The answer, whose every part is heard of, and that it is whole. */
function listened({ status, headers }: Response, body: ReadableStream<Uint8Array<ArrayBuffer>>, heard: () => void, whole: () => void): Response {
  const parts = new TransformStream<Uint8Array<ArrayBuffer>, Uint8Array<ArrayBuffer>>({
    transform: (part, out) => {
      heard();
      out.enqueue(part);
    },
    flush: whole,
  });
  return new Response(body.pipeThrough(parts), { status, headers });
}
