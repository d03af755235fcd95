import type { Status } from "@pgcanvas/client";
import { useEffect, useState } from "react";
import { request } from "./request.js";

/** What a refusal begins with that is about where the page comes from. */
const ABOUT = /^origin: /;

/** In words for a person, what the node says of where the page comes from; nothing where it says something else. */
export function originWords(message: string | undefined): string | undefined {
  if (message === undefined || !ABOUT.test(message)) return undefined;
  const said = message.replace(ABOUT, "");
  return `The node refuses this page: ${said}.`;
}

/** How long that may take: it is asked again before long, and what hangs would keep other requests from their turn. */
const ASK_MS = 2_500;

/** Why the node refuses this page's socket, if it does because of where it comes from: a browser does not say. */
async function askOrigin(): Promise<string | undefined> {
  const answer = await request(`/api/origin?of=${encodeURIComponent(location.origin)}`, {}, ASK_MS).catch(() => undefined);
  const said = answer?.ok ? ((await answer.json().catch(() => undefined)) as { message?: string } | undefined) : undefined;
  return originWords(said?.message);
}

/** How often it is asked again while no socket opens: what stands before the node may be set up anew meanwhile. */
const ASK_EVERY_MS = 3_000;

/** Why nothing is connected, where that is because of where the page comes from; asked for as long as no socket opens. */
export function useOriginTrouble(phase: Status["phase"] | undefined): string | undefined {
  const [trouble, setTrouble] = useState<string | undefined>();
  const isAway = phase !== undefined && phase !== "live" && phase !== "refused";
  useEffect(() => {
    if (phase === "live") setTrouble(undefined);
  }, [phase]);
  useEffect(() => {
    if (!isAway) return undefined;
    let wanted = true;
    const ask = () => void askOrigin().then((said) => wanted && setTrouble(said));
    if (phase === "offline") ask();
    const timer = setInterval(ask, ASK_EVERY_MS);
    return () => {
      wanted = false;
      clearInterval(timer);
    };
  }, [isAway, phase]);
  return trouble;
}
