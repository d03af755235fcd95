import type { Room } from "@pgcanvas/client";
import { useEffect, useState } from "react";
import { Board } from "./Board.js";
import { Dialog } from "./Dialog.js";
import { Guard } from "./Guard.js";
import { NameField } from "./NameField.js";
import { useOriginTrouble } from "./origin.js";
import { callMe, myName } from "../people/me.js";
import { PastPage } from "./past/PastPage.js";
import { Refused } from "./Refused.js";
import { openClient, useRoom, useStatus, whoAmI, type Speaker } from "./session.js";
import type { View } from "./view.js";

/** One room: its board, and what to say while there is none. */
export default function RoomPage({ room: name }: { room: string }) {
  const [named, setNamed] = useState(myName() !== undefined);
  const { room, ready } = useRoom(name);
  const status = useStatus(room);
  const trouble = useOriginTrouble(status?.phase);
  useEffect(() => {
    document.title = `${name} · pgcanvas`;
  }, [name]);
  // A kept board is not for whom the room does not let in any more.
  if (status?.phase === "refused" && (status.code !== undefined || !ready)) return <Refused room={name} status={status} />;
  return (
    <>
      {room && ready ? <Guard room={room}><Present room={room} /></Guard> : <Opening name={name} offline={status?.phase === "offline"} trouble={trouble} />}
      {ready && !named && <Introduction done={() => setNamed(true)} />}
    </>
  );
}

/** The board, or its past in its place; what part of it is looked at stays. */
function Present({ room }: { room: Room }) {
  const [view, setView] = useState<View | undefined>();
  const [me, setMe] = useState<{ client: Speaker; author: string } | undefined>();
  const openPast = (looked: View) => {
    setView(looked);
    void whoAmI().then(setMe);
  };
  if (!me) return <Board room={room} view={view} openPast={openPast} />;
  return <PastPage room={room} {...me} view={view} leave={() => setMe(undefined)} />;
}

/** What is said until the board is there. */
function Opening({ name, offline, trouble }: { name: string; offline: boolean; trouble: string | undefined }) {
  if (trouble) return <p className="page-loading trouble" role="alert">{trouble}</p>;
  return <p className="page-loading" role="status">{offline ? `No node answers. ${name} opens as soon as one does.` : `Opening ${name} …`}</p>;
}

/** Asks a person who comes by a link what to call them; who closes it without an answer is a guest. */
function Introduction({ done }: { done: () => void }) {
  const enter = () => {
    callMe(myName() ?? "");
    void openClient().then((client) => client.rename(myName() || "guest"));
    done();
  };
  return (
    <Dialog title="Welcome" close={enter}>
      <form
        className="introduction"
        onSubmit={(event) => {
          event.preventDefault();
          enter();
        }}
      >
        <NameField label="What should the others call you?" first />
        <button type="submit">Come in</button>
      </form>
    </Dialog>
  );
}
