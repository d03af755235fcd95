/** What a file holds, as it says itself. */
export type Held =
  | { readonly what: "drawing"; readonly elements: readonly unknown[]; readonly files: unknown }
  | { readonly what: "library"; readonly items: readonly unknown[] };

const SCENE = "application/vnd.excalidraw+json";
const PNG = "\x89PNG\r\n\x1a\n";

/** The drawing or the library in a file: JSON, or a PNG or SVG that was exported with its scene. Nothing where there is neither. */
export async function heldIn(file: Blob): Promise<Held | undefined> {
  try {
    return read(JSON.parse(await textIn(new Uint8Array(await file.arrayBuffer()))) as unknown);
  } catch {
    return undefined;
  }
}

function read(json: unknown): Held | undefined {
  const { type, elements, files, libraryItems, library } = (json ?? {}) as Readonly<Record<string, unknown>>;
  const items = libraryItems ?? library;
  if (type === "excalidrawlib" && Array.isArray(items)) return { what: "library", items };
  const isDrawing = typeof type === "string" && /^excalidraw(\/clipboard)?$/.test(type);
  return isDrawing && Array.isArray(elements) ? { what: "drawing", elements, files } : undefined;
}

/** The JSON in the bytes of a file. */
async function textIn(bytes: Uint8Array<ArrayBuffer>): Promise<string> {
  if (latin(bytes.subarray(0, PNG.length)) === PNG) return unpacked(JSON.parse(noteIn(bytes)));
  const text = new TextDecoder().decode(bytes);
  if (!text.includes(`payload-type:${SCENE}`)) return text;
  const payload = /<!-- payload-start -->\s*(.+?)\s*<!-- payload-end -->/s.exec(text)?.[1] ?? "";
  const packed = atob(payload);
  return unpacked(JSON.parse(/payload-version:[^1]/.test(text) ? packed : new TextDecoder().decode(bytesOf(packed))));
}

/** What a PNG carries under the name of a scene: in a chunk of text, which is a length, `tEXt`, the name, a zero byte and the text. */
function noteIn(bytes: Uint8Array): string {
  const view = new DataView(bytes.buffer, bytes.byteOffset);
  for (let at = PNG.length; at + 12 <= bytes.length; at += 12 + view.getUint32(at)) {
    const [kind, body] = [latin(bytes.subarray(at + 4, at + 8)), bytes.subarray(at + 8, at + 8 + view.getUint32(at))];
    const text = kind === "tEXt" ? latin(body) : "";
    if (text.startsWith(`${SCENE}\0`)) return text.slice(SCENE.length + 1);
  }
  throw new Error("there is no scene in it");
}

/** The text that a picture carries: packed, each byte a character, or as it is. */
async function unpacked(packed: unknown): Promise<string> {
  const { encoded, compressed } = packed as { encoded?: unknown; compressed?: unknown };
  if (typeof encoded !== "string") return JSON.stringify(packed);
  const bytes = bytesOf(encoded);
  if (compressed !== true) return new TextDecoder().decode(bytes);
  return new Response(new Blob([bytes]).stream().pipeThrough(new DecompressionStream("deflate"))).text();
}

function bytesOf(text: string): Uint8Array<ArrayBuffer> {
  return Uint8Array.from(text, (letter) => letter.charCodeAt(0));
}

function latin(bytes: Uint8Array): string {
  let text = "";
  for (let at = 0; at < bytes.length; at += 8192) text += String.fromCharCode(...bytes.subarray(at, at + 8192));
  return text;
}
