import { Client, type Room } from "@pgcanvas/client";
import { useEffect, useState } from "react";
import { myName } from "../people/me.js";
import { socketAddress } from "./place.js";

/** The page's one client: React may mount a page twice, and a person is one. */
let opened: Promise<Client> | undefined;

/** The page's client, opened at first use. */
export function openClient(): Promise<Client> {
  opened ??= Client.open({ addresses: [socketAddress()], name: myName() || "guest" });
  return opened;
}

/** The room, once there is a board to show: a kept one, or the node's. */
export function useRoom(name: string): { room: Room | undefined; ready: boolean } {
  const [room, setRoom] = useState<Room | undefined>();
  const [ready, setReady] = useState(false);
  useEffect(() => {
    let wanted = true;
    void openClient()
      .then((client) => client.join(name))
      .then((joined) => wanted && setRoom(joined));
    return () => {
      wanted = false;
    };
  }, [name]);
  useEffect(() => {
    if (!room) return undefined;
    const look = () => room.ready && setReady(true);
    look();
    return room.on("status", look);
  }, [room]);
  return { room, ready };
}
