import { systemClock, type Clock } from "./clock.js";
import { Connection } from "./connection/connection.js";
import { CLOSE, platformSocket, type OpenSocket } from "./connection/socket.js";
import { opsUrl } from "./drain.js";
import { Room } from "./room.js";
import { IndexedStore } from "./storage/indexed.js";
import { MemoryStore, NOTHING_KEPT, type Store } from "./storage/store.js";
import { inTime } from "./time.js";
import type { Role, Told, Welcome } from "./wire.js";

/** Why coming back is of no use, for people. */
const WHY: Readonly<Record<number, string>> = {
  [CLOSE.notThisProtocol]: "The node does not understand this page: reload it.",
  [CLOSE.unauthenticated]: "The node wants you to sign in.",
  [CLOSE.forbidden]: "This tab has lost its key: close it and open the board anew.",
  [CLOSE.versionNotSpoken]: "The node was upgraded: reload this page.",
};

/** How long the browser's database is waited for, to open and to give what was kept of a room. */
const OPEN_MS = 10_000;
const LOAD_MS = 10_000;

/** How a client is opened. */
export interface ClientSettings {
  /** WebSocket addresses of nodes, `wss://…/ws`; any of them serves any room. */
  readonly addresses: readonly string[];
  /** What people call this person. */
  readonly name: string;
  /** Where gestures outlive the page; IndexedDB where there is one, else nowhere. */
  readonly store?: Store;
  /** What a sign-in gave; without one this person is a guest. */
  readonly token?: string | undefined;
  /** Called when a node does not take the token any more: sign in anew, or be a guest, with {@link Client.signIn}. */
  readonly signedOut?: () => void;
  readonly openSocket?: OpenSocket;
  readonly clock?: Clock;
}

/** By what one comes into a room. */
export interface Coming {
  /** A link that lets in whoever has it. */
  readonly link?: string | undefined;
  /** What one could do there the last time: it holds until a node tells. */
  readonly role?: Role | undefined;
}

/** One connection to a cluster of nodes, and the rooms that are open on it. */
export class Client {
  /** The UUID that this page is known by. */
  readonly id: string;
  /** What only this page knows, so that nobody else can speak for it: HTTP takes it as `x-pgcanvas-key`. */
  readonly key: string | undefined;
  private name: string;
  private token: string | undefined;
  private readonly rooms = new Map<string, Room>();
  private readonly connection: Connection;
  private readonly forget: () => void;
  private welcome: Welcome | undefined;
  private stopped: string | undefined;

  private constructor(
    private readonly settings: ClientSettings,
    private readonly store: Store,
    private readonly clock: Clock,
  ) {
    this.id = store.client;
    this.key = store.keyOf(store.client);
    this.name = settings.name;
    this.token = settings.token;
    const { addresses, openSocket = platformSocket } = settings;
    this.connection = new Connection(
      { addresses, client: this.id, key: this.key, name: () => this.name, token: () => this.token, openSocket, clock },
      {
        up: (welcome) => this.up(welcome),
        down: (code) => this.down(code),
        frame: (frame) => this.hear(frame),
        state: (_, code) => this.moved(code),
      },
    );
    this.forget = watchPage(() => this.connection.nudge(), () => this.rooms.forEach((room) => room.keepNow()));
  }

  /** Finds out who this page is, and connects. */
  static async open(settings: ClientSettings): Promise<Client> {
    const store = settings.store ?? (await platformStore());
    const client = new Client(settings, store, settings.clock ?? systemClock);
    client.connection.start();
    return client;
  }

  /** Opens a room: its kept board and what was not sent are there at once, the rest when a node answers. What one comes by is as in {@link Coming}. */
  async join(name: string, { link, role }: Coming = {}): Promise<Room> {
    const known = this.rooms.get(name);
    if (known) return known;
    const loading = this.store.load(name);
    // One that refuses, or does not answer, keeps nobody from the room.
    const kept = await inTime(LOAD_MS, loading).catch(() => undefined);
    const room = new Room(name, kept ?? NOTHING_KEPT, {
      store: this.store,
      clock: this.clock,
      opsUrl: opsUrl(this.settings.addresses[0] ?? "", name),
      link,
      role,
      token: () => this.token,
      send: (frame) => this.connection.send(frame),
      connection: () => this.connection.state,
      stopped: () => this.stopped,
    });
    this.rooms.set(name, room);
    if (!kept) loading.then((late) => room.takeOver(late), () => {});
    if (this.welcome) room.up(this.welcome);
    return room;
  }

  /** Leaves a room; what is not sent stays kept. */
  leave(room: Room): void {
    room.close();
    this.rooms.delete(room.name);
    this.connection.send({ type: "leave", room: room.name });
  }

  /** What people are to call this person; a name is said when a connection begins, so another one is made. */
  rename(name: string): void {
    if (name === this.name) return;
    this.name = name;
    this.connection.renew();
  }

  /** Who this person is from now on: whom the token is of, or a guest without one. */
  signIn(token: string | undefined, name = this.name): void {
    this.name = name;
    this.token = token;
    this.connection.restart();
  }

  /** Ends it: nothing is sent any more, what is not sent stays kept. */
  close(): void {
    this.forget();
    this.rooms.forEach((room) => room.close());
    this.connection.stop();
    this.store.close();
  }

  private up(welcome: Welcome): void {
    this.welcome = welcome;
    this.rooms.forEach((room) => room.up(welcome));
  }

  private moved(code: number | undefined): void {
    this.stopped = code === undefined ? undefined : (WHY[code] ?? `The node closed the connection with ${code}.`);
    this.rooms.forEach((room) => room.say());
    if (code === CLOSE.unauthenticated) this.settings.signedOut?.();
  }

  private down(code: number | undefined): void {
    this.welcome = undefined;
    if (code === CLOSE.tooLong) this.giveUpLongest();
    this.rooms.forEach((room) => room.down());
  }

  /** A frame was too long for the node, or for what is in between: of those without an answer the longest was, whichever room's it is. */
  private giveUpLongest(): void {
    const [longest] = [...this.rooms.values()].sort((left, right) => right.longestBytes - left.longestBytes);
    longest?.giveUpLongest();
  }

  private hear(frame: Told): void {
    this.rooms.forEach((room) => room.hear(frame));
  }
}

async function platformStore(): Promise<Store> {
  // A browser may refuse, in a private window for example and at the very name of it, or not answer: then the page works, and says that it does
  // not keep.
  const opening = Promise.resolve().then(() => IndexedStore.open());
  const store = await inTime(OPEN_MS, opening).catch(() => undefined);
  if (store) return store;
  // Who comes too late holds nothing that another page may need.
  opening.then((unused) => unused.close(), () => {});
  return new MemoryStore();
}

/** Calls when the page may have slept or the network may be back, and when the page is about to go. */
function watchPage(nudge: () => void, hide: () => void): () => void {
  if (typeof document === "undefined") return () => {};
  const turned = () => (document.visibilityState === "visible" ? nudge() : hide());
  addEventListener("online", nudge);
  addEventListener("pagehide", hide);
  document.addEventListener("visibilitychange", turned);
  return () => {
    removeEventListener("online", nudge);
    removeEventListener("pagehide", hide);
    document.removeEventListener("visibilitychange", turned);
  };
}
