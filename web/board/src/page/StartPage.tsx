import { useEffect, useState, type FormEvent } from "react";
import { nameOf } from "../people/names.js";
import { useAccount } from "./account/account.js";
import { WhoAmI } from "./account/WhoAmI.js";
import { keepAsking } from "./asking.js";
import { pathOf } from "./place.js";
import { Picture } from "./Picture.js";
import { listRooms, makeRoom, type RoomRow } from "./rooms.js";
import { wayTo } from "./share/links.js";
import type { Visibility } from "./share/rights.js";
import { ago, moment } from "./when.js";

/** Where one begins: who one is, a new room, the rooms there are. */
export function StartPage() {
  return (
    <main className="start">
      <header>
        <h1>pgcanvas</h1>
        <p>A shared whiteboard whose every shape is a row in your PostgreSQL.</p>
      </header>
      <section className="start-card">
        <WhoAmI />
        <NewRoom />
      </section>
      <Rooms />
    </main>
  );
}

function NewRoom() {
  const [slug, setSlug] = useState("");
  const [trouble, setTrouble] = useState("");
  const make = (event: FormEvent<HTMLFormElement>) => {
    event.preventDefault();
    const visibility = new FormData(event.currentTarget).get("visibility") as Visibility;
    makeRoom(slug.trim(), visibility).then(
      (made) => location.assign(wayTo(made)),
      (failure: Error) => setTrouble(failure.message),
    );
  };
  return (
    <form className="new-room" onSubmit={make}>
      <label>
        New room
        <input
          value={slug}
          placeholder="a name, or leave it to chance"
          pattern="[A-Za-z0-9_\-]{1,64}"
          maxLength={64}
          title="Letters, digits, _ and -"
          onChange={(event) => setSlug(event.target.value)}
        />
      </label>
      <label className="for-whom">
        For whom
        <select name="visibility">
          <option value="open">everybody</option>
          <option value="readable">everybody to look at</option>
          <option value="private">whom I invite</option>
        </select>
      </label>
      <button type="submit">Open</button>
      {trouble && <p className="trouble" role="alert">{trouble}</p>}
    </form>
  );
}

function Rooms() {
  const [rooms, setRooms] = useState<RoomRow[] | undefined>();
  const [trouble, setTrouble] = useState("");
  const account = useAccount();
  useEffect(() => keepAsking(listRooms, setRooms, setTrouble), [account]);
  if (trouble) return <p className="trouble" role="alert">The rooms cannot be listed: {trouble}</p>;
  if (!rooms) return <p className="quiet">Looking for rooms …</p>;
  if (rooms.length === 0) return <p className="quiet">No rooms yet. Yours is the first.</p>;
  return (
    <ul className="rooms" aria-label="Rooms">
      {rooms.map((room) => <RoomCard key={room.slug} room={room} />)}
    </ul>
  );
}

const MARKS: Readonly<Partial<Record<Visibility, string>>> = { readable: "to look at", private: "private" };

function RoomCard({ room }: { room: RoomRow }) {
  const mark = room.visibility === "readable" && room.role !== undefined && room.role !== "viewer" ? "you may draw" : MARKS[room.visibility];
  return (
    <li>
      <a href={pathOf(room.slug)}>
        {room.shapes === 0 ? <span className="no-picture">nothing drawn yet</span> : <Picture room={room} />}
        <strong>
          {room.slug}
          {mark && <small>{mark}</small>}
        </strong>
        <span>
          {room.shapes === 0 ? "empty" : room.shapes === 1 ? "1 shape" : `${room.shapes} shapes`}
          {" · "}
          <time dateTime={room.touched_at} title={moment(room.touched_at)}>{ago(room.touched_at)}</time>
        </span>
        <span>{room.touched_by ? `by ${nameOf(room.touched_by, undefined)}` : "nobody drew yet"}</span>
      </a>
    </li>
  );
}
