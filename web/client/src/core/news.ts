import type { Batch } from "../wire.js";
import type { Queued } from "./queue.js";

/** A batch that was given up. */
export interface Rejection {
  /** 0 for what was refused before it had a number. */
  readonly op_id: number;
  /** One of the protocol's codes. */
  readonly code: string;
  /** One sentence for people. */
  readonly message: string;
  readonly batch: Queued;
}

/** What happened to a board when it heard something. */
export type News =
  | { readonly news: "joined"; readonly snapshot: boolean; readonly ids: ReadonlySet<string> }
  /** These shapes may look different now. */
  | { readonly news: "changed"; readonly ids: ReadonlySet<string> }
  /** One batch of the server's order. */
  | { readonly news: "told"; readonly batch: Batch }
  /** An own batch is known to be committed. */
  | { readonly news: "committed"; readonly client: string; readonly op_id: number }
  /** A batch is these now: it was more than a node can read at once. */
  | { readonly news: "cut"; readonly batches: readonly Queued[] }
  /** A batch needs no keeping any more: committed and contained, or given up. */
  | { readonly news: "settled"; readonly client: string; readonly op_id: number }
  | { readonly news: "rejected"; readonly rejection: Rejection }
  /** The room does not let this client in. */
  | { readonly news: "refused"; readonly code: string; readonly message: string };
