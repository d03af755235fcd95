import type { Room, Status } from "@pgcanvas/client";
import { useEffect, useState } from "react";
import { Board } from "./Board.js";
import { NameField } from "./NameField.js";
import { callMe, myName } from "../people/me.js";
import { PastPage } from "./past/PastPage.js";
import { openClient, useRoom } from "./session.js";
import type { View } from "./view.js";

/** One room: its board, and what to say while there is none. */
export default function RoomPage({ room: name }: { room: string }) {
  const [named, setNamed] = useState(myName() !== undefined);
  const { room, ready } = useRoom(name);
  useEffect(() => {
    document.title = `${name} · pgcanvas`;
  }, [name]);
  return (
    <>
      {room && ready ? <Present room={room} /> : <Opening name={name} room={room} />}
      {ready && !named && <Introduction done={() => setNamed(true)} />}
    </>
  );
}

/** The board, or its past in its place; what part of it is looked at stays. */
function Present({ room }: { room: Room }) {
  const [view, setView] = useState<View | undefined>();
  const [me, setMe] = useState<string | undefined>();
  const openPast = (looked: View) => {
    setView(looked);
    void openClient().then(({ id }) => setMe(id));
  };
  if (me === undefined) return <Board room={room} view={view} openPast={openPast} />;
  return <PastPage room={room} me={me} view={view} leave={() => setMe(undefined)} />;
}

/** What is said until the board is there. */
function Opening({ name, room }: { name: string; room: Room | undefined }) {
  const status = useStatus(room);
  if (status?.phase === "refused") {
    return (
      <div className="page-loading" role="alert">
        <p>{name} cannot be opened.</p>
        <p className="quiet">{status.reason}</p>
        <a href="/">To the rooms</a>
      </div>
    );
  }
  const trouble = status?.phase === "offline";
  return <p className="page-loading">{trouble ? `No node answers. ${name} opens as soon as one does.` : `Opening ${name} …`}</p>;
}

/** Asks a person who comes by a link what to call them. */
function Introduction({ done }: { done: () => void }) {
  return (
    <form
      className="introduction"
      onSubmit={(event) => {
        event.preventDefault();
        callMe(myName() ?? "");
        void openClient().then((client) => client.rename(myName() || "guest"));
        done();
      }}
    >
      <NameField label="What should the others call you?" />
      <button type="submit">Draw</button>
    </form>
  );
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
