import type { Clock } from "./clock.js";
import { backoffMs } from "./connection/backoff.js";
import type { Queued } from "./core/queue.js";

/** How long one request may take. */
const TIMEOUT_MS = 15_000;

/** Where the gestures of tabs that are gone come from, and what is told of each. */
export interface DrainListener {
  /** The first that was not answered; none when all were. */
  next(): Queued | undefined;
  acknowledged(batch: Queued, seq: number): void;
  givenUp(batch: Queued, code: string, message: string): void;
}

/**
 * Sends the gestures of tabs that are gone, one after the other, by HTTP: a socket speaks for one client only, and each gesture must go
 * under the client and number that it was made with, since that tab may have sent it already.
 */
export class Drain {
  private failures = 0;
  private cancel: (() => void) | undefined;
  private running = false;
  private stopped = false;

  constructor(
    private readonly url: string,
    private readonly clock: Clock,
    private readonly listener: DrainListener,
    /** What says who asks, by what right, and that one may speak for this client. */
    private readonly headers: (client: string) => Record<string, string> = () => ({}),
  ) {}

  /** Sends what waits; returns when nothing does, or when the node cannot be reached for now. */
  async run(): Promise<void> {
    this.cancel?.();
    if (this.running) return;
    this.running = true;
    for (let batch = this.listener.next(); batch && !this.stopped; batch = this.listener.next()) {
      if (!(await this.post(batch).catch(() => false))) {
        this.later();
        break;
      }
      this.failures = 0;
    }
    this.running = false;
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
    const { client, op_id, ops, gesture } = batch;
    const body = JSON.stringify({ client, op_id, ops, gesture });
    const answer = await fetch(this.url, { method: "POST", body, headers: this.headers(client), signal: AbortSignal.timeout(TIMEOUT_MS) });
    if (answer.ok) {
      this.listener.acknowledged(batch, ((await answer.json()) as { seq: number }).seq);
      return true;
    }
    // A sign-in that ended may be renewed.
    if (answer.status >= 500 || answer.status === 429 || answer.status === 401) return false;
    const said = (await answer.json().catch(() => undefined)) as { error?: { code: string; message: string } } | undefined;
    // What is between here and the node answers in words of its own: that a body is too large, it will say for ever.
    const error = said?.error ?? (answer.status === 413 ? { code: "too_large", message: "ops: more than is let through to the node" } : undefined);
    if (error) this.listener.givenUp(batch, error.code, error.message);
    return error !== undefined;
  }
}

/** Where batches are posted on the node that this socket's address leads to. */
export function opsUrl(address: string, room: string): string {
  const url = new URL(address);
  url.protocol = url.protocol.replace("ws", "http");
  url.pathname = url.pathname.replace(/(ws)?\/?$/, `api/rooms/${encodeURIComponent(room)}/ops`);
  // What the socket's address says besides is none of this request's parameters.
  url.search = "";
  return url.href;
}
