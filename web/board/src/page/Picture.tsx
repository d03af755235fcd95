import { useEffect, useState } from "react";
import { account } from "./account/account.js";
import { askBlob } from "./api.js";
import { keepAsking } from "./asking.js";
import { pictureOf, type RoomRow } from "./rooms.js";
import { linkOf } from "./share/links.js";

/** What a room looks like. A browser asks for pictures without saying who asks: that of a member's private room is asked for by hand. */
export function Picture({ room }: { room: RoomRow }) {
  const byHand = room.visibility === "private" && linkOf(room.slug) === undefined && account() !== undefined;
  const [address, setAddress] = useState<string | undefined>(byHand ? undefined : pictureOf(room.slug));
  useEffect(() => {
    if (!byHand) return undefined;
    let made: string | undefined;
    const show = (picture: Blob | undefined) => {
      if (!picture) return;
      made = URL.createObjectURL(picture);
      setAddress(made);
    };
    const stop = keepAsking(() => askBlob(pictureOf(room.slug)), show, () => {});
    return () => {
      stop();
      if (made !== undefined) URL.revokeObjectURL(made);
    };
  }, [byHand, room.slug]);
  return <img src={address} alt="" loading="lazy" width="320" height="200" />;
}
