import type { Clock } from "./clock.js";
import type { JsonObject } from "./json.js";
import { LIMITS, type Peer, type Presence as Told } from "./wire.js";

/** Between two states when somebody is there to see them: 30 a second. */
const IN_COMPANY_MS = 1000 / 30;
/** Between two states when nobody is: enough for whoever comes. */
const ALONE_MS = 1000;

/** Who is in the room, and what this client tells of itself. */
export class Presence {
  readonly peers = new Map<string, Peer>();
  /** The longest state that the node takes, as it told. */
  maxBytes = LIMITS.max_presence_bytes;
  private wanted: JsonObject | undefined;
  private sent = "";
  private sentMs = Number.NEGATIVE_INFINITY;
  private cancel: (() => void) | undefined;

  constructor(
    private readonly clock: Clock,
    /** Sends a state; whether it could be. */
    private readonly send: (state: JsonObject) => boolean,
  ) {}

  /** This is how others are to see this client; of several, the newest is sent. One that is longer than a node takes is not. */
  say(state: JsonObject): void {
    this.wanted = state;
    this.schedule();
  }

  /** Takes in who came, moved or went; whether anybody did. */
  told(frame: Told): boolean {
    const wasAlone = this.alone;
    for (const peer of frame.peers) this.peers.set(peer.session, peer);
    for (const session of frame.left) this.peers.delete(session);
    if (wasAlone && !this.alone) this.schedule();
    return frame.peers.length > 0 || frame.left.length > 0;
  }

  /** The room is joined anew: what was sent before may be forgotten. */
  again(): void {
    this.sent = "";
    this.schedule();
  }

  /** Nobody is known any more. */
  clear(): void {
    this.cancel?.();
    this.cancel = undefined;
    this.peers.clear();
  }

  private get alone(): boolean {
    return this.peers.size <= 1;
  }

  private schedule(): void {
    this.cancel?.();
    const dueMs = this.sentMs + (this.alone ? ALONE_MS : IN_COMPANY_MS);
    const waitMs = Math.max(0, dueMs - this.clock.now());
    if (waitMs === 0) this.flush();
    else this.cancel = this.clock.after(waitMs, () => this.flush());
  }

  private flush(): void {
    this.cancel = undefined;
    if (!this.wanted) return;
    const text = JSON.stringify(this.wanted);
    if (text === this.sent || new TextEncoder().encode(text).length > this.maxBytes || !this.send(this.wanted)) return;
    this.sent = text;
    this.sentMs = this.clock.now();
  }
}
