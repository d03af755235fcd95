import type { Collaborator, SocketId } from "@excalidraw/excalidraw/types";
import type { Peer } from "@pgcanvas/client";
import { readState } from "./state.js";

/** The people in the room as the component shows them: cursors, names, selections. Tabs of one person are one of them. */
export function collaboratorsOf(peers: Iterable<Peer>, session: string | undefined): Map<SocketId, Collaborator> {
  const people = new Map<SocketId, Collaborator>();
  for (const peer of peers) people.set(peer.session as SocketId, collaboratorOf(peer, peer.session === session));
  return people;
}

function collaboratorOf(peer: Peer, isCurrentUser: boolean): Collaborator {
  const { cursor, button = "up", tool = "pointer", selection = [], away } = readState(peer.state);
  const own = { username: peer.name, id: peer.user, socketId: peer.session as SocketId, isCurrentUser };
  if (isCurrentUser) return own;
  return {
    ...own,
    button,
    userState: (away ? "away" : "active") as NonNullable<Collaborator["userState"]>,
    selectedElementIds: Object.fromEntries(selection.map((id) => [id, true as const])),
    ...(cursor ? { pointer: { x: cursor[0], y: cursor[1], tool, renderCursor: !away } } : {}),
  };
}
