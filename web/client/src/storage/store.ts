import type { At } from "../core/confirmed.js";
import type { Queued } from "../core/queue.js";
import type { Shape } from "../shape.js";

/** What was kept of a room. */
export interface Kept {
  /** The confirmed board, where it was kept. */
  readonly at: At | undefined;
  readonly shapes: readonly Shape[];
  /** The gestures of this client that the server's board may not contain. */
  readonly queue: readonly Queued[];
  /** Those of tabs that are gone. */
  readonly orphans: readonly Queued[];
  /** The next `op_id` of this client, as far as it was kept. */
  readonly nextOpId: number;
}

/** Of a room of which nothing was kept. */
export const NOTHING_KEPT: Kept = { at: undefined, shapes: [], queue: [], orphans: [], nextOpId: 1 };

/** What changed on the confirmed board: these shapes, or all of them. */
export interface BoardChange {
  readonly at: At;
  readonly whole: boolean;
  readonly put: readonly Shape[];
  readonly deleted: readonly string[];
}

/** Where gestures and boards outlive the page. Writing never holds anybody up; what fails is told to `failed`, once. */
export interface Store {
  /** Whether it outlives the page. */
  readonly durable: boolean;
  /** The client that this page is: nobody else is it, as long as the page lives. */
  readonly client: string;
  /** What only this browser knows of a client: without it nobody speaks for it. None for one that never had such. */
  keyOf(client: string): string | undefined;
  /** What was kept of a room. */
  load(room: string): Promise<Kept>;
  /** Keeps batches, all or none, each until it is settled. Whatever it gives ends when `durable` says how that went. */
  keep(room: string, ...batches: readonly Queued[]): Promise<void> | void;
  /** A gesture needs no keeping any more. */
  settle(room: string, client: string, opId: number): void;
  /** Calls when this page is the one that is to keep the room's confirmed board, at once or later or never. */
  keepsBoard(room: string, told: () => void): void;
  /** Keeps what changed on the confirmed board. */
  keepBoard(room: string, change: BoardChange): Promise<void>;
  /** Lets go of what the page holds. */
  close(): void;
}

/** A new client id; made by hand, since `crypto.randomUUID` is there only on secure pages and boards are also served on plain local networks. */
export function freshClient(): string {
  const bytes = randomBytes(16);
  bytes[6] = ((bytes[6] ?? 0) & 0x0f) | 0x40;
  bytes[8] = ((bytes[8] ?? 0) & 0x3f) | 0x80;
  const hex = hexOf(bytes);
  return [hex.slice(0, 8), hex.slice(8, 12), hex.slice(12, 16), hex.slice(16, 20), hex.slice(20)].join("-");
}

/** A new key: 256 random bits. */
export function freshKey(): string {
  return hexOf(randomBytes(32));
}

function randomBytes(count: number): Uint8Array {
  return crypto.getRandomValues(new Uint8Array(count));
}

function hexOf(bytes: Uint8Array): string {
  return [...bytes].map((byte) => byte.toString(16).padStart(2, "0")).join("");
}

/** Keeps nothing beyond the process. */
export class MemoryStore implements Store {
  readonly durable = false;
  private readonly key = freshKey();

  constructor(readonly client: string = freshClient()) {}

  keyOf(client: string): string | undefined {
    return client === this.client ? this.key : undefined;
  }

  load(): Promise<Kept> {
    return Promise.resolve(NOTHING_KEPT);
  }

  keep(): void {}
  settle(): void {}
  keepsBoard(): void {}
  keepBoard(): Promise<void> {
    return Promise.resolve();
  }
  close(): void {}
}
