import type { Room } from "@pgcanvas/client";
import { useState, type DragEvent } from "react";
import { wayTo } from "../share/links.js";
import type { View } from "../view.js";
import { Branching } from "./Branching.js";
import { PastCanvas } from "./PastCanvas.js";
import { Sittings } from "./Sittings.js";
import { branchAt, restoreTo } from "./past.js";
import { Timeline } from "./Timeline.js";
import type { Speaker } from "../session.js";
import { useBatches, useBoardAt, useStretch } from "./usePast.js";
import { usePlayback } from "./usePlayback.js";

interface Given {
  readonly room: Room;
  /** By which client a restore is made, and how the log names what this person does. */
  readonly client: Speaker;
  readonly author: string;
  readonly view: View | undefined;
  readonly leave: () => void;
}

/** A room's past in place of its board: looked at, played back, brought back, or gone on with elsewhere. */
export function PastPage({ room, client, author, view, leave }: Given) {
  const [trouble, tell] = useState("");
  // None is the present, which goes on.
  const [chosen, setChosen] = useState<number | undefined>();
  const stretch = useStretch(room, tell);
  const choose = (to: number) => setChosen(to === stretch?.last ? undefined : to);
  const seq = chosen ?? stretch?.last;
  const board = useBoardAt(room.name, seq, tell);
  const { batches, more } = useBatches(room.name, stretch, tell);
  const playback = usePlayback(stretch, seq ?? 0, board?.seq, choose);
  const go = (to: number) => {
    playback.stop();
    choose(to);
  };
  const restore = () => {
    if (seq !== undefined) restoreTo(room.name, seq, client, room.number()).then(leave, (failure: Error) => tell(failure.message));
  };
  const branch = (slug: string) => {
    if (seq === undefined) return;
    branchAt(room.name, seq, slug).then((made) => location.assign(wayTo(made.slug)), (failure: Error) => tell(failure.message));
  };
  return (
    <div className="past" role="region" aria-label="History" onDropCapture={takeNothing}>
      <header className="past-head">
        <strong>History of {room.name}</strong>
        <button type="button" className="plain" onClick={leave}>Back to the board</button>
      </header>
      <div className="past-canvas">{board && <PastCanvas shapes={board.shapes} view={view} />}</div>
      <Sittings batches={batches} seq={seq} me={author} go={go} more={more} />
      <footer className="past-foot">
        {trouble && <p className="trouble" role="alert">{trouble}</p>}
        {stretch && seq !== undefined && (
          <Timeline stretch={stretch} seq={seq} batches={batches ?? []} me={author} playing={playback.playing} toggle={playback.toggle} go={go} />
        )}
        <div className="past-actions">
          {!room.viewOnly && (
            <button type="button" disabled={!stretch || seq === stretch.last} onClick={restore} title="Brings the board back to this for everybody. What was drawn since stays in the history.">
              Restore
            </button>
          )}
          <Branching branch={branch} />
        </div>
      </footer>
    </div>
  );
}

/** A file that is dropped on the past would be shown in its place. */
function takeNothing(event: DragEvent): void {
  event.preventDefault();
  event.stopPropagation();
}
