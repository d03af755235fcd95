import type { Role } from "@pgcanvas/client";
import { useEffect, useState, type FormEvent } from "react";
import { nameOf } from "../../people/names.js";
import { Address } from "../Address.js";
import { keepAsking } from "../asking.js";
import { ago, moment } from "../when.js";
import { addressOf } from "./links.js";
import { listLinks, makeLink, revokeLink, type Link, type Try } from "./rights.js";

/** What a link lets one do, in words. */
const LETS: Readonly<Record<Role, string>> = { viewer: "May look", editor: "May draw", owner: "Owns the board" };

/** Days until a link lets nobody in any more. */
const LASTS: readonly (readonly [string, string])[] = [["", "for ever"], ["1", "for a day"], ["7", "for a week"], ["30", "for a month"]];

/** Links that let in whoever has them: made, handed on, taken back. */
export function LinkList({ room, attempt, tell }: { room: string; attempt: Try; tell: (trouble: string) => void }) {
  const [links, setLinks] = useState<readonly Link[]>([]);
  const [made, setMade] = useState<Link | undefined>();
  const read = () => attempt(listLinks(room)).then((list) => list && setLinks(list));
  useEffect(() => keepAsking(() => listLinks(room), setLinks, tell), [room, tell]);
  const make = (event: FormEvent<HTMLFormElement>) => {
    event.preventDefault();
    const given = new FormData(event.currentTarget);
    const days = Number(given.get("days")) || undefined;
    void attempt(makeLink(room, given.get("role") as Role, days)).then((link) => link && (setMade(link), read()));
  };
  const revoke = (id: string) => void attempt(revokeLink(room, id)).then(() => (made?.id === id && setMade(undefined), read()));
  return (
    <section>
      <h3>Links</h3>
      <p className="quiet">For whoever has them, until they are revoked.</p>
      <form className="row" onSubmit={make}>
        <select name="role" aria-label="What the link lets one do">
          <option value="viewer">may look</option>
          <option value="editor">may draw</option>
          <option value="owner">owns it</option>
        </select>
        <select name="days" aria-label="How long the link lasts">
          {LASTS.map(([days, words]) => <option key={days} value={days}>{words}</option>)}
        </select>
        <button type="submit">Make a link</button>
      </form>
      {made?.token !== undefined && (
        <div className="made">
          <Address text={addressOf(location.origin, room, made.token)} label="The new link" />
          <p className="quiet">Copy it now: it is not shown again.</p>
        </div>
      )}
      <ul className="entries" aria-label="Links">
        {links.map((link) => (
          <li key={link.id}>
            <span>
              {LETS[link.role]} <span className="quiet">{origin(link)}</span>
            </span>
            <button type="button" className="plain" onClick={() => revoke(link.id)}>Revoke</button>
          </li>
        ))}
      </ul>
    </section>
  );
}

function origin({ created_by, created_at, expires_at }: Link): string {
  const made = `made ${ago(created_at)}${created_by ? ` by ${nameOf(created_by, undefined)}` : ""}`;
  return expires_at === null ? made : `${made}, until ${moment(expires_at)}`;
}
