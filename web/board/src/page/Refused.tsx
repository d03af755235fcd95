import type { Status } from "@pgcanvas/client";
import { useEffect, useRef, useState } from "react";
import { useAccount } from "./account/account.js";
import { SignIn } from "./account/SignIn.js";
import { makeRoom } from "./rooms.js";

/** Why a person is not let in, in words for one, with what can be done about it. */
export function Refused({ room, status }: { room: string; status: Status }) {
  const [asking, setAsking] = useState(false);
  const [trouble, setTrouble] = useState("");
  const account = useAccount();
  const before = useRef(account);
  // Somebody else may come in.
  useEffect(() => {
    if (before.current !== account) location.reload();
  }, [account]);
  const isAbsent = status.code === "not_found";
  const make = () => void makeRoom(room, "open").then(() => location.reload(), (failure: Error) => setTrouble(failure.message));
  return (
    <main className="refused" role="alert">
      <h1>{isAbsent ? `There is no board “${room}” here` : `“${room}” cannot be opened`}</h1>
      <p className="quiet">{reason(status)}</p>
      {status.unsent > 0 && <p className="quiet">{status.unsent} of your changes were not sent. They are kept in this browser.</p>}
      {trouble && <p className="trouble">{trouble}</p>}
      <p className="row">
        <a className="button" href="/">All rooms</a>
        {isAbsent && <button type="button" className="plain" onClick={make}>Make it</button>}
        {status.code !== undefined && !account && <button type="button" className="plain" onClick={() => setAsking(true)}>Sign in</button>}
      </p>
      {asking && <SignIn close={() => setAsking(false)} />}
    </main>
  );
}

function reason({ code, reason: said }: Status): string {
  if (code === "not_found") return "Nobody made it, it was deleted, or it is private and your link does not let you in any more.";
  if (code === "forbidden") return "You are not invited. Ask somebody who owns it for a link.";
  return said ?? "";
}
