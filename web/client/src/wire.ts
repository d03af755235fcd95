import type { Json, JsonObject } from "./json.js";
import type { Change, Op, Shape } from "./shape.js";

/** The protocol's version that this client speaks. */
export const PROTOCOL = 1;

/** What a node lets a client do; told in `welcome`. */
export interface Limits {
  readonly max_frame_bytes: number;
  readonly max_ops_per_batch: number;
  readonly max_points_per_shape: number;
  readonly max_shape_bytes: number;
  readonly max_unacknowledged: number;
  readonly max_presence_bytes: number;
}

/** The limits before a node told its own. */
export const LIMITS: Limits = {
  max_frame_bytes: 2_097_152, max_ops_per_batch: 1000, max_points_per_shape: 100_000, max_shape_bytes: 1_048_576, max_unacknowledged: 64, max_presence_bytes: 2048,
};

/** The first answer of a node. */
export interface Welcome {
  readonly type: "welcome";
  readonly session: string;
  readonly user: { readonly id: string; readonly name: string };
  /** What a node of an earlier version does not tell is as in {@link LIMITS}. */
  readonly limits: Partial<Limits>;
}

/** Some of what a join brings. */
export interface Page {
  readonly room: string;
  readonly added: readonly Shape[];
  readonly modified: readonly Shape[];
  readonly deleted: readonly string[];
  readonly more: boolean;
}

/** What one may do in a room: look, draw, decide who may. */
export type Role = "viewer" | "editor" | "owner";

/** The first page of a join. */
export interface Joined extends Page {
  readonly type: "joined";
  readonly role: Role;
  readonly epoch: string;
  readonly seq: number;
  readonly mode: "snapshot" | "delta";
}

/** A further page. */
export interface Delta extends Page {
  readonly type: "delta";
}

/** What became of one gesture. */
export interface Batch {
  readonly seq: number;
  readonly by: string;
  readonly client: string | null;
  readonly op_id: number | null;
  readonly at: string;
  readonly changes: readonly Change[];
}

/** Batches of the server's order, or a part of one. */
export interface Changes {
  readonly type: "changes";
  readonly room: string;
  readonly from: number;
  readonly to: number;
  readonly batches: readonly Batch[];
  readonly more?: boolean;
}

/** A batch is committed. */
export interface Ack {
  readonly type: "ack";
  readonly room: string;
  readonly op_id: number;
  readonly seq: number;
  readonly outcomes: readonly string[];
}

/** Nothing of a batch was applied. */
export interface Reject {
  readonly type: "reject";
  readonly room: string;
  readonly op_id: number;
  readonly code: string;
  readonly message: string;
  readonly retry_after_ms?: number;
}

/** Something that is no batch was refused. */
export interface Problem {
  readonly type: "error";
  readonly code: string;
  readonly message: string;
  readonly room?: string;
  readonly op_id?: number;
  readonly retry_after_ms?: number;
}

/** Somebody in the room. */
export interface Peer {
  readonly session: string;
  readonly user: string;
  readonly name: string;
  readonly color: string;
  readonly state: JsonObject;
}

/** Who came, moved or went. */
export interface Presence {
  readonly type: "presence";
  readonly room: string;
  readonly peers: readonly Peer[];
  readonly left: readonly string[];
}

/** What a node may say. */
export type Told = Welcome | Joined | Delta | Changes | Ack | Reject | Problem | Presence | { readonly type: "pong" } | { readonly type: "left" };

/** What a client may say of a board. */
export type Said =
  | { readonly type: "join"; readonly room: string; readonly since?: number; readonly epoch?: string; readonly link?: string }
  | { readonly type: "ops"; readonly room: string; readonly op_id: number; readonly ops: readonly Op[]; readonly gesture?: number }
  | { readonly type: "undo" | "redo"; readonly room: string; readonly op_id: number }
  | { readonly type: "presence"; readonly room: string; readonly state: Json };

/** The frame in a text; none when it is not JSON with a `type`. */
export function readFrame(text: string): Told | undefined {
  try {
    const frame: unknown = JSON.parse(text);
    const typed = typeof frame === "object" && frame !== null && typeof (frame as { type?: unknown }).type === "string";
    return typed ? (frame as Told) : undefined;
  } catch {
    return undefined;
  }
}
