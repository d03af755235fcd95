import { useEffect, useState } from "react";
import { ask } from "./api.js";
import { keepAsking } from "./asking.js";

/** How long the page's own files are waited for: a slow line takes half of it. */
const LOAD_MS = 120_000;
/** Where it is noted that the page was loaded again by itself: once, so that it does not do so for ever. */
const NOTE = "again";

/** What is said while the page's own files are on their way. */
export function Loading({ room }: { room: string }) {
  const [isLate, setLate] = useState(false);
  useEffect(() => {
    const timer = setTimeout(() => setLate(true), LOAD_MS);
    return () => clearTimeout(timer);
  }, []);
  return isLate ? <Unloaded room={room} /> : <p className="page-loading" role="status">Opening {room} …</p>;
}

/** What is said when they did not come. Once a node answers the page is loaded again; where that did not help, a person may. */
export function Unloaded({ room }: { room: string }) {
  const [isBack, setBack] = useState(false);
  useEffect(() => keepAsking(() => ask(`/api/origin?of=${encodeURIComponent(location.origin)}`), () => (mayLoadAgain() ? location.reload() : setBack(true)), () => {}), []);
  if (!isBack) return <p className="page-loading" role="status">{`No node answers. ${room} opens as soon as one does.`}</p>;
  return (
    <main className="refused" role="alert">
      <h1>“{room}” could not be opened</h1>
      <p className="quiet">A part of this page did not come. What is stored is not touched by that.</p>
      <p className="row">
        <button type="button" onClick={() => location.reload()}>Load it again</button>
        <a className="button" href="/">All rooms</a>
      </p>
    </main>
  );
}

/** The page's own files are there: another time it may be loaded again. */
export function hasLoaded(): void {
  const { [NOTE]: _, ...state } = noted();
  if (NOTE in noted()) history.replaceState(state, "");
}

/** Whether that was not done before, by this tab in this room. */
function mayLoadAgain(): boolean {
  const state = noted();
  if (NOTE in state) return false;
  history.replaceState({ ...state, [NOTE]: true }, "");
  return true;
}

function noted(): Readonly<Record<string, unknown>> {
  return (history.state ?? {}) as Readonly<Record<string, unknown>>;
}
