import type { Socket } from "../src/connection/socket.js";
import { LIMITS } from "../src/wire.js";

const WELCOME = { type: "welcome", protocol: 1, session: "s", user: { id: "u", name: "n" }, limits: LIMITS };

/** A socket whose other end is a test. */
export class FakeSocket implements Socket {
  bufferedAmount = 0;
  readonly sent: { type: string; [name: string]: unknown }[] = [];
  closed = false;
  onopen: ((event: never) => void) | null = null;
  onmessage: ((event: { data: unknown }) => void) | null = null;
  onclose: ((event: { code: number }) => void) | null = null;
  onerror: ((event: never) => void) | null = null;

  constructor(readonly address: string) {}

  send(text: string): void {
    this.sent.push(JSON.parse(text) as { type: string });
  }

  close(): void {
    this.closed = true;
  }

  /** The node says something. */
  hear(frame: object): void {
    this.onmessage?.({ data: JSON.stringify(frame) });
  }

  /** It opens, and the node welcomes the client. */
  welcome(): void {
    this.onopen?.(undefined as never);
    this.hear(WELCOME);
  }
}
