import type { Role } from "@pgcanvas/client";
import { useEffect, useState, type FormEvent } from "react";
import { keepAsking } from "../asking.js";
import { dropMember, listMembers, setMember, type Member, type Try } from "./rights.js";

const ROLES: readonly (readonly [Role, string])[] = [["viewer", "may look"], ["editor", "may draw"], ["owner", "owns it"]];

/** People who have a right in the room under their own login. */
export function MemberList({ room, attempt, tell }: { room: string; attempt: Try; tell: (trouble: string) => void }) {
  const [members, setMembers] = useState<readonly Member[]>([]);
  const read = () => attempt(listMembers(room)).then((list) => list && setMembers(list));
  useEffect(() => keepAsking(() => listMembers(room), setMembers, tell), [room, tell]);
  const give = async (user: string, role: Role) => {
    const given = await attempt(setMember(room, user, role));
    if (given !== undefined) await read();
    return given !== undefined;
  };
  const add = (event: FormEvent<HTMLFormElement>) => {
    event.preventDefault();
    const form = event.currentTarget;
    const given = new FormData(form);
    void give(String(given.get("user")).trim(), given.get("role") as Role).then((added) => added && form.reset());
  };
  return (
    <section>
      <h3>People</h3>
      <ul className="entries" aria-label="People">
        {members.map(({ user, name, role }) => (
          <li key={user}>
            <span>
              {name} {name !== user && <span className="quiet">{user}</span>}
            </span>
            <RoleSelect label={`What ${user} may do`} value={role} change={(chosen) => void give(user, chosen)} />
            <button type="button" className="plain" aria-label={`Remove ${user}`} onClick={() => void attempt(dropMember(room, user)).then(read)}>Remove</button>
          </li>
        ))}
      </ul>
      <form className="row" onSubmit={add}>
        <input name="user" required aria-label="Login of somebody" placeholder="login of somebody" autoCapitalize="none" spellCheck={false} maxLength={32} />
        <select name="role" aria-label="What they may do" defaultValue="editor">
          {ROLES.map(([role, words]) => <option key={role} value={role}>{words}</option>)}
        </select>
        <button type="submit">Add</button>
      </form>
    </section>
  );
}

function RoleSelect({ label, value, change }: { label: string; value: Role; change: (role: Role) => void }) {
  return (
    <select aria-label={label} value={value} onChange={(event) => change(event.target.value as Role)}>
      {ROLES.map(([role, words]) => <option key={role} value={role}>{words}</option>)}
    </select>
  );
}
