import { deflateSync } from "node:zlib";
import type { Person } from "./person.js";

/** What is in hand when a drawing comes from outside. */
export interface File {
  readonly name: string;
  readonly mimeType: string;
  readonly buffer: Buffer;
}

/** A drawing as a file. */
export function drawing(elements: readonly unknown[], files: object = {}, name = "given.excalidraw"): File {
  const scene = { type: "excalidraw", version: 2, source: "test", appState: {}, files, elements };
  return { name, mimeType: "application/json", buffer: Buffer.from(JSON.stringify(scene)) };
}

/** An element as a file has it. */
export function element(id: unknown, type: string, x: number, more: object = {}): object {
  return { id, type, x, y: 0, width: 100, height: 60, angle: 0, version: 1, versionNonce: 1, isDeleted: false, seed: 1, ...more };
}

/** A picture of one colour among the files of a drawing. */
export function pictured(id: string, colour: readonly [number, number, number]): object {
  return { id, mimeType: "image/png", dataURL: `data:image/png;base64,${png(colour).toString("base64")}`, created: 1 };
}

/** Chooses a file in the board's menu. */
export async function importFile(person: Person, file: File): Promise<void> {
  const [chooser] = await Promise.all([person.page.waitForEvent("filechooser"), person.choose("Import a file")]);
  await chooser.setFiles(file);
}

/** Pastes text beside what is drawn. */
export async function paste(person: Person, text: string, type = "text/plain"): Promise<void> {
  await person.page.mouse.click(1100, 650);
  await person.page.evaluate(([given, kind]) => {
    const clipboardData = new DataTransfer();
    clipboardData.setData(kind!, given!);
    document.dispatchEvent(new ClipboardEvent("paste", { clipboardData, bubbles: true }));
  }, [text, type]);
}

/** Drops files on the board, at once. */
export async function drop(person: Person, ...files: readonly File[]): Promise<void> {
  await person.page.evaluate((given) => {
    const dataTransfer = new DataTransfer();
    for (const [called, type, base64] of given) {
      const bytes = Uint8Array.from(atob(base64!), (letter) => letter.charCodeAt(0));
      dataTransfer.items.add(new File([bytes], called!, { type: type! }));
    }
    const where = { bubbles: true, cancelable: true, clientX: 500, clientY: 400 };
    document.querySelector(".excalidraw")?.dispatchEvent(new DragEvent("drop", { dataTransfer, ...where }));
  }, files.map(({ name, mimeType, buffer }) => [name, mimeType, buffer.toString("base64")]));
}

/** A picture of one colour. */
export function png([red, green, blue]: readonly [number, number, number], side = 64): Buffer {
  const line = Buffer.concat([Buffer.from([0]), ...Array.from({ length: side }, () => Buffer.from([red, green, blue]))]);
  const size = Buffer.alloc(13);
  size.writeUInt32BE(side, 0);
  size.writeUInt32BE(side, 4);
  size.set([8, 2, 0, 0, 0], 8);
  const body = deflateSync(Buffer.concat(Array.from({ length: side }, () => line)));
  return Buffer.concat([Buffer.from("\x89PNG\r\n\x1a\n", "latin1"), chunk("IHDR", size), chunk("IDAT", body), chunk("IEND", Buffer.alloc(0))]);
}

function chunk(kind: string, body: Buffer): Buffer {
  const named = Buffer.concat([Buffer.from(kind, "latin1"), body]);
  const [length, check] = [Buffer.alloc(4), Buffer.alloc(4)];
  length.writeUInt32BE(body.length);
  check.writeUInt32BE(crc(named));
  return Buffer.concat([length, named, check]);
}

function crc(bytes: Buffer): number {
  let rest = ~0;
  for (const byte of bytes) {
    rest ^= byte;
    for (let bit = 0; bit < 8; bit += 1) rest = (rest >>> 1) ^ (rest & 1 ? 0xedb88320 : 0);
  }
  return ~rest >>> 0;
}
