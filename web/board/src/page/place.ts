/** The room that a path of the page names. */
export function roomOf(path: string): string | undefined {
  return /^\/r\/([A-Za-z0-9_-]{1,64})\/?$/.exec(path)?.[1];
}

/** The path of a room's page. */
export function pathOf(room: string): string {
  return `/r/${room}`;
}

/** The address of the node's sockets. */
export function socketAddress(): string {
  return `${location.protocol === "https:" ? "wss" : "ws"}://${location.host}/ws`;
}
