import type { Status } from "@pgcanvas/client";
import { useState } from "react";
import { hasEnded, useAccount } from "./account/account.js";
import { SignIn } from "./account/SignIn.js";
import { makeRoom } from "./rooms.js";

/** Why a person is not let in, in words for one, with what can be done about it. Who signs in is asked about anew, and comes in if they may. */
export function Refused({ room, status }: { room: string; status: Status }) {
  const [asking, setAsking] = useState(false);
  const [trouble, setTrouble] = useState("");
  const account = useAccount();
  const isEnded = !account && hasEnded();
  const isAbsent = status.code === "not_found";
  const make = () => void makeRoom(room, "open").then(() => location.reload(), (failure: Error) => setTrouble(failure.message));
  return (
    <main className="refused" role="alert">
      <h1>{isEnded ? "Your sign-in has ended" : isAbsent ? `There is no board “${room}” here` : `“${room}” cannot be opened`}</h1>
      <p className="quiet">{isEnded ? `“${room}” is not open to guests. Sign in again to go on.` : reason(status)}</p>
      {status.unsent > 0 && <p className="quiet">{unsent(status, isEnded)}</p>}
      {trouble && <p className="trouble">{trouble}</p>}
      <p className="row">
        {isEnded && <button type="button" onClick={() => setAsking(true)}>Sign in</button>}
        <a className={isEnded ? "button plain" : "button"} href="/">All rooms</a>
        {isAbsent && !isEnded && <button type="button" className="plain" onClick={make}>Make it</button>}
        {status.code !== undefined && !account && !isEnded && <button type="button" className="plain" onClick={() => setAsking(true)}>Sign in</button>}
      </p>
      {asking && <SignIn close={() => setAsking(false)} />}
    </main>
  );
}

/** What became of what was drawn and not sent. */
function unsent({ unsent: count, durable }: Status, isEnded: boolean): string {
  const kept = durable ? "They are kept in this browser" : "Keep this tab open: this browser does not let it keep them";
  const later = isEnded ? (durable ? ", and sent when you have signed in again" : ". They are sent when you have signed in again") : "";
  return `${count} of your changes ${count === 1 ? "was" : "were"} not sent. ${kept}${later}.`;
}

function reason({ code, reason: said }: Status): string {
  if (code === "not_found") return "Nobody made it, it was deleted, or it is private and your link does not let you in any more.";
  if (code === "forbidden") return "You are not invited. Ask somebody who owns it for a link.";
  return said ?? "";
}
