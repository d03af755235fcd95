import type { Op } from "../shape.js";
import type { Limits } from "../wire.js";

/** What a frame needs beside its ops. */
const HEAD_BYTES = 1024;
/** What each op is to get beside what it is now: the version that it is based on. */
const BASE_BYTES = `,"base":${Number.MAX_SAFE_INTEGER}`.length;

const encoder = new TextEncoder();

/** The ops in as many batches as the limits ask for; one, as a rule. */
export function divide(ops: readonly Op[], limits: Limits): Op[][] {
  const batches: Op[][] = [];
  let batch: Op[] = [];
  let bytes = HEAD_BYTES;
  for (const op of ops) {
    const size = encoder.encode(JSON.stringify(op)).length + 1 + BASE_BYTES;
    if (batch.length > 0 && (batch.length >= limits.max_ops_per_batch || bytes + size > limits.max_frame_bytes)) {
      batches.push(batch);
      [batch, bytes] = [[], HEAD_BYTES];
    }
    batch.push(op);
    bytes += size;
  }
  if (batch.length > 0) batches.push(batch);
  return batches;
}
