import type { Clock } from "../clock.js";
import { PROTOCOL, readFrame, type Told, type Welcome } from "../wire.js";
import { backoffMs } from "./backoff.js";
import { CLOSE, STOPS, type OpenSocket, type Socket } from "./socket.js";

/** How long a socket may take to open and be welcomed. */
const OPEN_TIMEOUT_MS = 10_000;
/** How often the connection is looked at. */
const LOOK_EVERY_MS = 5000;
/** After so long a silence the node is asked for a sign of life: its own pings are not shown to a page. */
const SILENCE_MS = 15_000;
/** How long the answer may take. */
const PONG_TIMEOUT_MS = 10_000;
/** A connection that stood so long was a good one: the pauses begin anew, and a goodbye is answered by coming back at once. */
const GOOD_MS = 1000;
/** So many failures in a row are told as being offline. */
const OFFLINE_AFTER_FAILURES = 3;

/** Where a connection is. `up` is welcomed; `stopped` does not come back by itself. */
export type ConnectionState = "reconnecting" | "up" | "offline" | "stopped";

/** What a connection needs to know. */
export interface ConnectionSettings {
  readonly addresses: readonly string[];
  readonly client: string;
  readonly key: string | undefined;
  readonly name: () => string;
  /** The sign-in, if there is one. */
  readonly token?: () => string | undefined;
  readonly openSocket: OpenSocket;
  readonly clock: Clock;
}

/** Who hears what comes. */
export interface ConnectionListener {
  up(welcome: Welcome): void;
  down(code: number | undefined): void;
  frame(frame: Told): void;
  /** `code` is what a node closed with, where that is why it stopped. */
  state(state: ConnectionState, code?: number): void;
}

/** One connection that comes back by itself, to whichever node answers. */
export class Connection {
  state: ConnectionState = "reconnecting";
  private socket: Socket | undefined;
  private turn = 0;
  private failures = 0;
  private upSinceMs: number | undefined;
  private heardMs = 0;
  private pingedMs: number | undefined;
  private cancel: (() => void) | undefined;
  private cancelLook: (() => void) | undefined;

  constructor(
    private readonly settings: ConnectionSettings,
    private readonly listener: ConnectionListener,
  ) {}

  /** Connects, and comes back whenever it breaks. */
  start(): void {
    this.attempt();
  }

  /** Ends it for good. */
  stop(): void {
    this.drop();
    this.cancel?.();
    this.tell("stopped");
  }

  /** The network may be back, or the page was asleep: tries now, or asks whether the node is still there. */
  nudge(): void {
    if (this.state === "stopped") return;
    if (this.upSinceMs !== undefined) this.ping();
    else if (!this.socket) this.attempt();
  }

  /** Begins a new connection at once, unless it was stopped. */
  renew(): void {
    if (this.state !== "stopped") this.restart();
  }

  /** Begins a new connection at once: what stopped the last one may be over. */
  restart(): void {
    const wasUp = this.upSinceMs !== undefined;
    this.drop();
    if (wasUp) this.listener.down(undefined);
    this.tell("reconnecting");
    this.attempt();
  }

  /** Sends a frame; whether there was a socket to take it. */
  send(frame: object): boolean {
    if (this.upSinceMs === undefined || !this.socket) return false;
    this.socket.send(JSON.stringify(frame));
    return true;
  }

  /** What the socket has not sent yet. */
  get bufferedBytes(): number {
    return this.socket?.bufferedAmount ?? 0;
  }

  private attempt(): void {
    this.cancel?.();
    const { addresses, openSocket, clock } = this.settings;
    try {
      this.socket = openSocket(addresses[this.turn % addresses.length] ?? "");
    } catch {
      this.lost(undefined);
      return;
    }
    this.listen(this.socket);
    this.cancel = clock.after(OPEN_TIMEOUT_MS, () => this.lost(undefined));
  }

  private listen(socket: Socket): void {
    const { client, key, name, token } = this.settings;
    socket.onopen = () => socket.send(JSON.stringify({ type: "hello", protocol: PROTOCOL, client, key, name: name(), token: token?.() }));
    socket.onmessage = ({ data }) => this.heard(String(data));
    socket.onclose = ({ code }) => this.lost(code);
    // A close follows, and says more.
    socket.onerror = () => {};
  }

  private heard(text: string): void {
    this.heardMs = this.settings.clock.now();
    this.pingedMs = undefined;
    const frame = readFrame(text);
    if (!frame) return;
    if (this.upSinceMs === undefined) {
      if (frame.type === "welcome") this.welcomed(frame);
      return;
    }
    this.listener.frame(frame);
  }

  private welcomed(welcome: Welcome): void {
    this.cancel?.();
    this.upSinceMs = this.settings.clock.now();
    this.look();
    this.tell("up");
    this.listener.up(welcome);
  }

  private look(): void {
    const { clock } = this.settings;
    const now = clock.now();
    if (this.pingedMs !== undefined && now - this.pingedMs >= PONG_TIMEOUT_MS) {
      this.lost(undefined);
      return;
    }
    if (now - this.heardMs >= SILENCE_MS) this.ping();
    this.cancelLook = clock.after(LOOK_EVERY_MS, () => this.look());
  }

  private ping(): void {
    this.pingedMs ??= this.settings.clock.now();
    this.send({ type: "ping" });
  }

  private lost(code: number | undefined): void {
    const { clock } = this.settings;
    const wasUp = this.upSinceMs !== undefined;
    const wasGood = wasUp && clock.now() - (this.upSinceMs ?? 0) >= GOOD_MS;
    this.drop();
    if (wasUp) this.listener.down(code);
    if (code !== undefined && STOPS.has(code)) {
      this.tell("stopped", code);
      return;
    }
    this.turn += 1;
    this.failures = wasGood ? 0 : this.failures + 1;
    this.tell(this.failures >= OFFLINE_AFTER_FAILURES ? "offline" : "reconnecting");
    const atOnce = wasGood && code === CLOSE.goingAway;
    this.cancel = clock.after(atOnce ? 0 : backoffMs(this.failures - 1, () => clock.random()), () => this.attempt());
  }

  /** Lets the socket go without waiting for it: on a dead network its own goodbye takes minutes. */
  private drop(): void {
    this.cancel?.();
    this.cancelLook?.();
    this.upSinceMs = undefined;
    this.pingedMs = undefined;
    const socket = this.socket;
    this.socket = undefined;
    if (!socket) return;
    socket.onopen = socket.onmessage = socket.onclose = null;
    socket.close();
  }

  private tell(state: ConnectionState, code?: number): void {
    if (state === this.state) return;
    this.state = state;
    this.listener.state(state, code);
  }
}
