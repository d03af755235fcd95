/** The part of a WebSocket that is used here: browsers, Node 22 and the package `ws` all have it. */
export interface Socket {
  readonly bufferedAmount: number;
  send(text: string): void;
  close(code?: number): void;
  onopen: ((event: never) => void) | null;
  onmessage: ((event: { data: unknown }) => void) | null;
  onclose: ((event: { code: number }) => void) | null;
  onerror: ((event: never) => void) | null;
}

/** Makes a socket to an address. */
export type OpenSocket = (address: string) => Socket;

/** Opens the sockets of the platform. Node 20 has none: give `Client.open` one, of the package `ws` for example. */
export const platformSocket: OpenSocket = (address) => {
  if (typeof WebSocket === "undefined") throw new Error("this platform has no WebSocket: give the client an openSocket");
  return new WebSocket(address, "pgcanvas.v1") as unknown as Socket;
};

/** Close codes that this client goes by. */
export const CLOSE = { goingAway: 1001, tooLong: 1009, notThisProtocol: 4400, unauthenticated: 4401, forbidden: 4403, versionNotSpoken: 4409 } as const;

/** After these, coming back is of no use. */
export const STOPS: ReadonlySet<number> = new Set([CLOSE.notThisProtocol, CLOSE.unauthenticated, CLOSE.forbidden, CLOSE.versionNotSpoken]);
