import type { Clock } from "./clock.js";
import { backoffMs } from "./connection/backoff.js";
import type { Queued } from "./core/queue.js";

/** How long one request may take. */
const TIMEOUT_MS = 15_000;

/** What is told of each batch. */
export interface DrainListener {
  acknowledged(batch: Queued, seq: number): void;
  givenUp(batch: Queued, code: string, message: string): void;
}

/**
 * Sends the gestures of tabs that are gone, one after the other, by HTTP: a socket speaks for one client only, and each gesture must go
 * under the client and number that it was made with, since that tab may have sent it already.
 */
export class Drain {
  private readonly waiting: Queued[];
  private failures = 0;
  private cancel: (() => void) | undefined;
  private stopped = false;

  constructor(
    private readonly url: string,
    batches: readonly Queued[],
    private readonly clock: Clock,
    private readonly listener: DrainListener,
    /** What says who asks, by what right, and that one may speak for this client. */
    private readonly headers: (client: string) => Record<string, string> = () => ({}),
  ) {
    this.waiting = [...batches];
  }

  /** Sends what waits; returns when nothing does, or when the node cannot be reached for now. */
  async run(): Promise<void> {
    this.cancel?.();
    for (let batch = this.waiting[0]; batch && !this.stopped; batch = this.waiting[0]) {
      if (!(await this.post(batch).catch(() => false))) return this.later();
      this.failures = 0;
      this.waiting.shift();
    }
  }

  /** Gives up; what waits stays kept. */
  stop(): void {
    this.stopped = true;
    this.cancel?.();
  }

  private later(): void {
    this.failures += 1;
    if (!this.stopped) this.cancel = this.clock.after(backoffMs(this.failures - 1, () => this.clock.random()), () => void this.run());
  }

  /** Whether it was answered for good. */
  private async post(batch: Queued): Promise<boolean> {
    const body = JSON.stringify({ client: batch.client, op_id: batch.op_id, ops: batch.ops });
    const answer = await fetch(this.url, { method: "POST", body, headers: this.headers(batch.client), signal: AbortSignal.timeout(TIMEOUT_MS) });
    if (answer.ok) {
      this.listener.acknowledged(batch, ((await answer.json()) as { seq: number }).seq);
      return true;
    }
    if (answer.status >= 500 || answer.status === 429) return false;
    const { error } = (await answer.json()) as { error: { code: string; message: string } };
    this.listener.givenUp(batch, error.code, error.message);
    return true;
  }
}

/** Where batches are posted on the node that this socket's address leads to. */
export function opsUrl(address: string, room: string): string {
  const url = new URL(address);
  url.protocol = url.protocol.replace("ws", "http");
  url.pathname = url.pathname.replace(/(ws)?\/?$/, `api/rooms/${encodeURIComponent(room)}/ops`);
  return url.href;
}
