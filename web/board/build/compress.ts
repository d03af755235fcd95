import { readdir, readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { promisify } from "node:util";
import { brotliCompress, constants, gzip } from "node:zlib";

const COMPRESSIBLE = /\.(js|css|svg|json|wasm)$/;

/** Puts a compressed copy beside each file that gains by it, so that no node compresses anything while it serves. */
export async function compress(folder: string): Promise<void> {
  const entries = await readdir(folder, { recursive: true, withFileTypes: true });
  const files = entries.filter((entry) => entry.isFile() && COMPRESSIBLE.test(entry.name));
  for (const file of files) await compressOne(join(file.parentPath, file.name));
}

async function compressOne(path: string): Promise<void> {
  const plain = await readFile(path);
  const params = { [constants.BROTLI_PARAM_QUALITY]: 9, [constants.BROTLI_PARAM_SIZE_HINT]: plain.length };
  const small = { gz: await promisify(gzip)(plain, { level: 9 }), br: await promisify(brotliCompress)(plain, { params }) };
  for (const [end, body] of Object.entries(small)) if (body.length < plain.length) await writeFile(`${path}.${end}`, body);
}
