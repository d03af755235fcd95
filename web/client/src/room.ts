import type { Clock } from "./clock.js";
import { Board, restartOpId } from "./core/board.js";
import { fit, longest } from "./core/fit.js";
import type { News, Rejection } from "./core/news.js";
import { keyOf, type Queued } from "./core/queue.js";
import { acknowledged, givenUp, receive, tooLong } from "./core/receive.js";
import { Drain } from "./drain.js";
import { Emitter, type Off } from "./emitter.js";
import type { JsonObject } from "./json.js";
import type { ConnectionState } from "./connection/connection.js";
import { Keeper } from "./storage/keeper.js";
import { Presence } from "./presence.js";
import { idOf, type Op, type Shape } from "./shape.js";
import type { Kept, Store } from "./storage/store.js";
import type { Peer, Role, Said, Told, Welcome } from "./wire.js";

/** So many rejections wait for somebody who listens; of more, the last. */
const MOST_UNHEARD = 32;

/** How far a room is from the server: `live` has all of it; `reconnecting` and `offline` have not; `refused` is not let in. */
export type Phase = "live" | "reconnecting" | "offline" | "refused";

/** Where a room is. */
export interface Status {
  readonly phase: Phase;
  /** Gestures that the server has not said to have. */
  readonly unsent: number;
  /** When the oldest of them was made, by the client's clock; those of earlier pages count from when the room was opened. */
  readonly unsentSinceMs?: number;
  /** Whether they outlive the page. */
  readonly durable: boolean;
  /** Why the room does not let this client in, for people; `code` is for programs, where a node gave one. */
  readonly reason?: string;
  readonly code?: string;
  /** What this client may do here; none before a node told. */
  readonly role?: Role;
}

/** What a room tells. */
export interface RoomEvents {
  /** These shapes may look different now; `own` when it was by an own gesture just made. */
  change: { readonly ids: ReadonlySet<string>; readonly own: boolean };
  status: Status;
  /** What no batch can carry, or the server does not take, is taken back from the board. Whoever listens first hears of all before. */
  reject: Rejection;
  peers: ReadonlyMap<string, Peer>;
}

/** What a room needs from its client. */
export interface RoomTies {
  readonly store: Store;
  readonly clock: Clock;
  readonly opsUrl: string;
  /** A link by which one may come in. */
  readonly link?: string | undefined;
  /** What one could do here the last time. */
  readonly role?: Role | undefined;
  /** The sign-in, if there is one. */
  readonly token?: () => string | undefined;
  readonly send: (frame: Said) => boolean;
  readonly connection: () => ConnectionState;
  /** Why the connection does not come back. */
  readonly stopped: () => string | undefined;
}

/** A board that is kept up to date, and that can be drawn on whether or not a node is there. */
export class Room extends Emitter<RoomEvents> {
  /** What this session is called among the peers; none before the first welcome. */
  session: string | undefined;
  private readonly board: Board;
  private readonly presence: Presence;
  private readonly keeper: Keeper;
  private readonly drain: Drain;
  private readonly turns = new Map<number, (code: string) => void>();
  /** Given up before anybody listened. */
  private unheard: Rejection[] | undefined = [];
  /** Under which sign-in the room was last joined; not at all at first. */
  private joinedBy: { readonly token: string | undefined } | undefined;
  private refused: { readonly code: string; readonly message: string } | undefined;
  private told: Role | undefined;
  private lastStatus = "";
  /** When each batch that waits was made. */
  private readonly madeMs = new Map<string, number>();
  private readonly openedMs: number;
  private cancelWake: (() => void) | undefined;

  constructor(
    readonly name: string,
    kept: Kept,
    private readonly ties: RoomTies,
  ) {
    super();
    const { store, clock, role } = ties;
    this.told = role;
    this.openedMs = clock.now();
    this.board = Board.restored(store.client, name, kept, store.durable ? restartOpId(Date.now()) : 1);
    for (const batch of kept.orphans) this.board.adopt(batch);
    this.presence = new Presence(clock, (state) => this.board.live && ties.send({ type: "presence", room: name, state }));
    this.keeper = new Keeper(store, clock, this.board);
    this.drain = new Drain(ties.opsUrl, clock, {
      next: () => this.board.unacknowledged().find(({ client }) => client !== store.client),
      acknowledged: (batch, seq) => this.take(acknowledged(this.board, batch.client, batch.op_id, seq)),
      givenUp: (batch, code, message) => this.take(givenUp(this.board, batch.client, batch.op_id, code, message)),
    }, (client) => this.credentials(client));
  }

  /** A shape as it is shown. The same object as long as nothing about it changed. */
  shape(id: string): Shape | undefined {
    return this.board.shape(id);
  }

  /** Every shape as it is shown, in no order. */
  shapes(): Iterable<Shape> {
    return this.board.shapes();
  }

  /** Whether a board is there to be shown: a kept one, or the server's. */
  get ready(): boolean {
    return this.board.at !== undefined;
  }

  /** Who is in the room, this session included. */
  get peers(): ReadonlyMap<string, Peer> {
    return this.presence.peers;
  }

  /** Where it is. */
  get status(): Status {
    const reason = this.refused?.message ?? this.ties.stopped();
    const why = reason === undefined ? {} : { reason, ...(this.refused && { code: this.refused.code }) };
    const unacknowledged = this.board.unacknowledged();
    const [oldest] = unacknowledged;
    const since = oldest && (this.madeMs.get(keyOf(oldest.client, oldest.op_id)) ?? this.openedMs);
    const waiting = { unsent: unacknowledged.length, ...(since !== undefined && { unsentSinceMs: since }) };
    return { phase: this.phase(reason), ...waiting, durable: this.ties.store.durable, ...why, ...(this.told && { role: this.told }) };
  }

  /** Whether this client may only look. Nothing that it does is sent then, whatever calls {@link edit}. */
  get viewOnly(): boolean {
    return this.told === "viewer";
  }

  private phase(reason: string | undefined): Phase {
    if (reason !== undefined) return "refused";
    if (this.board.live) return "live";
    return this.ties.connection() === "offline" ? "offline" : "reconnecting";
  }

  /**
   * One gesture: on the board at once, sent as soon as it can be, kept until the server has it. Undo takes it back as a whole. Gives the
   * gesture's number; a gesture that goes on, like a stroke, passes it again. Who may only look does nothing by it, and gets 0. What is more
   * than a batch can carry is cut up; a shape that cannot be is refused alone, stays as it was, and `reject` says so.
   */
  edit(ops: readonly Op[], gesture?: number): number {
    if (this.viewOnly) return 0;
    const { batches, refused } = this.board.edit(ops, gesture);
    this.keep(batches);
    for (const batch of batches) this.madeMs.set(keyOf(batch.client, batch.op_id), this.ties.clock.now());
    this.emit("change", { ids: new Set(batches.flatMap((batch) => batch.ops.map(idOf))), own: true });
    this.flush();
    if (refused) {
      this.emit("change", { ids: new Set(refused.batch.ops.map(idOf)), own: false });
      this.rejected(refused);
    }
    return gesture ?? batches[0]?.op_id ?? 0;
  }

  override on<Name extends keyof RoomEvents>(name: Name, listener: (event: RoomEvents[Name]) => void): Off {
    const off = super.on(name, listener);
    const unheard = this.unheard;
    if (name !== "reject" || !unheard) return off;
    this.unheard = undefined;
    for (const rejection of unheard) this.emit("reject", rejection);
    return off;
  }

  /** Takes this person's last gesture back; tells the server's code, `applied` when it was done. */
  undo(): Promise<string> {
    return this.turn("undo");
  }

  /** Does again what was taken back. */
  redo(): Promise<string> {
    return this.turn("redo");
  }

  /** A number for a batch of this client that goes another way than this room's socket. */
  number(): number {
    return this.board.number();
  }

  /** Tells the others where one is: at most 2048 bytes, never stored. */
  present(state: JsonObject): void {
    this.presence.say(state);
  }

  /** Puts what changed of the confirmed board away now rather than in a while: the page is about to be hidden. */
  keepNow(): void {
    this.keeper.flush();
  }

  /** A socket stands. Called by the client. */
  up(welcome: Welcome): void {
    this.session = welcome.session;
    // Whoever comes is told of everybody: who left meanwhile must not stay.
    this.presence.clear();
    // Who came in by another sign-in, or not yet, may not be let in: what was drawn is not to be refused for that.
    const isKnown = this.joinedBy !== undefined && this.joinedBy.token === this.ties.token?.();
    this.take(this.board.connected(welcome.limits, !isKnown));
    this.presence.maxBytes = this.board.limits.max_presence_bytes;
    this.flush();
  }

  /** How long the longest frame on its way is, in bytes; 0 when none is. Called by the client. */
  get longestBytes(): number {
    return longest(this.board)?.bytes ?? 0;
  }

  /** The connection ended because that frame was too long: it is not sent again. Called by the client. */
  giveUpLongest(): void {
    this.take(tooLong(this.board));
  }

  /** The socket is gone. Called by the client. */
  down(): void {
    this.board.disconnected();
    this.cancelWake?.();
    this.say();
  }

  /** Takes a frame in. Called by the client. */
  hear(frame: Told): void {
    // Before the page hears of the board: it shows another one to who may only look.
    if (frame.type === "joined" && frame.room === this.name) this.told = frame.role;
    if (frame.type === "presence" && frame.room === this.name && this.presence.told(frame)) this.emit("peers", this.peers);
    this.take(receive(this.board, frame, this.ties.clock.now()));
    this.flush();
  }

  /** Sends what was held back: one is let in, and may draw. */
  private letGo(): void {
    this.joinedBy = { token: this.ties.token?.() };
    this.board.release();
    void this.drain.run();
  }

  /** What an earlier page left, where the browser took long to give it: it is sent as ever. Called by the client. */
  takeOver({ queue, orphans }: Kept): void {
    for (const batch of [...queue, ...orphans]) this.board.adopt(batch);
    if (this.board.link) this.take(fit(this.board));
    this.emit("change", { ids: new Set([...queue, ...orphans].flatMap((batch) => batch.ops.map(idOf))), own: false });
    if (this.joinedBy && !this.viewOnly) void this.drain.run();
    this.flush();
  }

  /** Lets go of the room; what is not sent stays kept. Called by the client. */
  close(): void {
    this.cancelWake?.();
    this.drain.stop();
    this.presence.clear();
    this.keeper.flush();
  }

  /** Tells the status if it is another than was told last. Called by the client. */
  say(): void {
    const status = this.status;
    const text = JSON.stringify(status);
    if (text === this.lastStatus) return;
    this.lastStatus = text;
    this.emit("status", status);
  }

  private turn(verb: "undo" | "redo"): Promise<string> {
    // Unsent, it would take back whatever is last when a node comes back: not what the person sees now.
    if (!this.board.live) return Promise.resolve("unavailable");
    if (this.viewOnly) return Promise.resolve("forbidden");
    const batch = this.board.turn(verb);
    this.madeMs.set(keyOf(batch.client, batch.op_id), this.ties.clock.now());
    const answer = new Promise<string>((resolve) => this.turns.set(batch.op_id, resolve));
    this.flush();
    return answer;
  }

  private flush(): void {
    const nowMs = this.ties.clock.now();
    for (const frame of this.board.outgoing(nowMs)) this.ties.send(this.withLink(frame));
    this.cancelWake?.();
    const wakeAtMs = this.board.wakeAtMs();
    if (wakeAtMs !== undefined) this.cancelWake = this.ties.clock.after(Math.max(0, wakeAtMs - nowMs), () => this.flush());
    this.say();
  }

  /** Whether it is kept is told when the browser has said so. */
  private keep(batches: readonly Queued[]): void {
    if (batches.length > 0) void this.ties.store.keep(this.name, ...batches)?.then(() => this.say());
  }

  private withLink(frame: Said): Said {
    const { link } = this.ties;
    return frame.type === "join" && link !== undefined ? { ...frame, link } : frame;
  }

  private credentials(client: string): Record<string, string> {
    const token = this.ties.token?.();
    const { link, store } = this.ties;
    const key = store.keyOf(client);
    return {
      ...(token === undefined ? {} : { authorization: `Bearer ${token}` }),
      ...(link === undefined ? {} : { "x-pgcanvas-link": link }),
      ...(key === undefined ? {} : { "x-pgcanvas-key": key }),
    };
  }

  private take(news: readonly News[]): void {
    for (const item of news) this.takeOne(item);
    this.say();
  }

  private takeOne(item: News): void {
    switch (item.news) {
      case "joined":
        this.refused = undefined;
        if (!this.viewOnly) this.letGo();
        this.keeper.joined(item.snapshot, item.ids);
        this.presence.again();
        return;
      case "told":
        return this.keeper.told(item.batch);
      case "changed":
        return this.emit("change", { ids: item.ids, own: false });
      case "committed":
        return this.answerTurn(item.op_id, "applied");
      case "cut":
        return this.keep(item.batches);
      case "settled":
        this.madeMs.delete(keyOf(item.client, item.op_id));
        return this.ties.store.settle(this.name, item.client, item.op_id);
      case "rejected":
        return this.rejected(item.rejection);
      case "refused":
        this.refused = item;
    }
  }

  private rejected(rejection: Rejection): void {
    if (rejection.batch.verb !== "ops") this.answerTurn(rejection.op_id, rejection.code);
    else if (this.unheard) this.unheard = [...this.unheard, rejection].slice(-MOST_UNHEARD);
    else this.emit("reject", rejection);
  }

  private answerTurn(opId: number, code: string): void {
    this.turns.get(opId)?.(code);
    this.turns.delete(opId);
  }
}
