import type { Role } from "@pgcanvas/client";
import { useCallback, useEffect, useState } from "react";
import { Address } from "../Address.js";
import { keepAsking } from "../asking.js";
import { Dialog } from "../Dialog.js";
import { readRoom, type RoomRow } from "../rooms.js";
import { LinkList } from "./LinkList.js";
import { addressOf } from "./links.js";
import { MemberList } from "./MemberList.js";
import { setVisibility, type Try, type Visibility } from "./rights.js";

const GIVES: readonly (readonly [Visibility, string, string])[] = [
  ["open", "Everybody may draw", "It is listed on the start page."],
  ["readable", "Everybody may look", "Members and links decide who may draw."],
  ["private", "Only whom you invite", "Not listed: only members and links get in."],
];

/** Who may come into a room and what they may do there; whoever owns it changes that here. */
export function ShareDialog({ room, role, close }: { room: string; role: Role | undefined; close: () => void }) {
  const [told, setTold] = useState<RoomRow | undefined>();
  const [trouble, setTrouble] = useState("");
  const attempt: Try = useCallback((work) => work.then((value) => (setTrouble(""), value), (failure: Error) => (setTrouble(failure.message), undefined)), []);
  useEffect(() => keepAsking(() => readRoom(room), setTold, setTrouble), [room, role]);
  const change = (visibility: Visibility) => void attempt(setVisibility(room, visibility)).then(() => attempt(readRoom(room))).then((row) => row && setTold(row));
  const owns = (told?.role ?? role) === "owner";
  return (
    <Dialog title={`Share ${room}`} close={close}>
      <Address text={addressOf(location.origin, room)} label="The board's address" />
      {trouble && <p className="trouble" role="alert">{trouble}</p>}
      {told && <Gives visibility={told.visibility} change={owns ? change : undefined} />}
      {owns ? (
        <>
          <LinkList room={room} attempt={attempt} tell={setTrouble} />
          <MemberList room={room} attempt={attempt} tell={setTrouble} />
        </>
      ) : (
        told && <p className="quiet">{whyNot(told.visibility, role)}</p>
      )}
    </Dialog>
  );
}

/** What the room gives everybody, to be changed by who owns it. */
function Gives({ visibility, change }: { visibility: Visibility; change: ((visibility: Visibility) => void) | undefined }) {
  return (
    <fieldset className="gives" disabled={!change}>
      <legend>Who comes without an invitation</legend>
      {GIVES.map(([value, title, says]) => (
        <label key={value}>
          <input type="radio" name="visibility" checked={visibility === value} onChange={() => change?.(value)} />
          <span>
            <strong>{title}</strong> <span className="quiet">{says}</span>
          </span>
        </label>
      ))}
    </fieldset>
  );
}

function whyNot(visibility: Visibility, role: Role | undefined): string {
  if (role === "viewer") return "You may look at this board. Its owners decide who may draw.";
  return visibility === "open" ? "Whoever has the address may come and draw. Owners can change that: a board is owned by who made it." : "The board's owners can change this.";
}
