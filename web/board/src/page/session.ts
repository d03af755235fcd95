import { Client, type Room, type Status } from "@pgcanvas/client";
import { useEffect, useState } from "react";
import { myName } from "../people/me.js";
import { guestOf } from "../people/names.js";
import { account, end, watch } from "./account/account.js";
import { socketAddress } from "./place.js";
import { arrive } from "./share/arrival.js";
import { linkOf } from "./share/links.js";
import { keepRole, roleOf } from "./share/roles.js";

/** The page's one client: React may mount a page twice, and a person is one. */
let opened: Promise<Client> | undefined;

/** The page's client, opened at first use. */
export function openClient(): Promise<Client> {
  opened ??= Client.open({ addresses: [socketAddress()], name: called(), token: account()?.token, signedOut: end }).then((client) => {
    watch(() => client.signIn(account()?.token, called()));
    return client;
  });
  return opened;
}

/** A client, and what shows that one may speak for it. */
export type Speaker = Pick<Client, "id" | "key">;

/** This page's client, and how the log names what this person does. */
export async function whoAmI(): Promise<{ client: Speaker; author: string }> {
  const { id, key } = await openClient();
  return { client: { id, key }, author: account()?.id ?? guestOf(id) };
}

function called(): string {
  return account()?.name || myName() || "guest";
}

/** The room, once there is a board to show: a kept one, or the node's. */
export function useRoom(name: string): { room: Room | undefined; ready: boolean } {
  const [room, setRoom] = useState<Room | undefined>();
  const [ready, setReady] = useState(false);
  useEffect(() => {
    let wanted = true;
    void Promise.all([openClient(), arrive(name)])
      .then(([client]) => client.join(name, { link: linkOf(name), role: roleOf(name) }))
      .then((joined) => wanted && setRoom(joined));
    // A link that is pasted over the address of an open page is an arrival, too; the browser does not load the page for it.
    const arrived = () => location.hash.startsWith("#link=") && location.reload();
    addEventListener("hashchange", arrived);
    return () => {
      wanted = false;
      removeEventListener("hashchange", arrived);
    };
  }, [name]);
  useEffect(() => {
    if (!room) return undefined;
    const look = ({ role }: Status) => {
      if (role) keepRole(name, role);
      if (room.ready) setReady(true);
    };
    look(room.status);
    return room.on("status", look);
  }, [room, name]);
  return { room, ready };
}

/** The status of a room, as it changes. */
export function useStatus(room: Room | undefined): Status | undefined {
  const [status, setStatus] = useState<Status | undefined>(room?.status);
  useEffect(() => {
    if (!room) return undefined;
    setStatus(room.status);
    return room.on("status", setStatus);
  }, [room]);
  return status;
}
