import type { Room, Status } from "@pgcanvas/client";
import { useEffect, useState } from "react";
import { useOriginTrouble } from "./origin.js";
import { useStatus } from "./session.js";
import { Settling } from "./settling.js";

/** Whether what is on the screen is what everybody has, and what is not. */
export function StatusPill({ room }: { room: Room }) {
  const status = useStatus(room);
  const shown = useSettled(status);
  const trouble = useOriginTrouble(status?.phase);
  if (!shown) return null;
  const { tone, text, title } = words(shown, trouble);
  return (
    <>
      {shown.role === "viewer" && <ViewOnly />}
      <div className={`status-pill ${tone}`} role="status" title={title}>
        <span className="status-dot" aria-hidden="true" />
        {text}
      </div>
    </>
  );
}

/** Says why there are no tools. */
function ViewOnly() {
  return <div className="status-pill view-only" title="You may look at this board. Its owners decide who may draw: ask one of them for a link.">View only</div>;
}

/** The status, without what passes in a moment. */
function useSettled(status: Status | undefined): Status | undefined {
  const [settled, setSettled] = useState(status);
  const [settling] = useState(() => new Settling(setSettled));
  useEffect(() => {
    if (status) settling.take(status);
  }, [settling, status]);
  useEffect(() => () => settling.stop(), [settling]);
  return settled;
}

function words({ phase, unsent, durable, reason, role }: Status, trouble: string | undefined): { tone: string; text: string; title: string } {
  const kept = durable ? "They are kept in this browser, also if you close the tab." : "Keep this tab open: this browser does not let it keep them.";
  const waiting = durable ? `${unsent} unsent` : `${unsent} unsent, keep this tab open`;
  if (phase === "refused") return { tone: "bad", text: "Not connected", title: reason ?? "" };
  if (phase === "live" && unsent === 0) return { tone: "good", text: "Live", title: "Everything you drew is stored." };
  if (phase === "live" && role === "viewer") return { tone: "busy", text: waiting, title: `${unsent} of your changes wait until you may draw here again: sign in as before. ${kept}` };
  if (phase === "live") return { tone: "busy", text: waiting, title: `The node has not confirmed ${unsent} of your changes yet. ${kept}` };
  if (trouble !== undefined) return { tone: "bad", text: `Refused: the proxy hides where this page is${unsent === 0 ? "" : ` · ${waiting}`}`, title: `${trouble} ${unsent === 0 ? "" : kept}` };
  const name = phase === "offline" ? "Offline" : "Reconnecting";
  const title = phase === "offline" ? "No node answers. You can go on drawing." : "Looking for a node. You can go on drawing.";
  return { tone: phase === "offline" ? "bad" : "busy", text: unsent === 0 ? name : `${name} · ${waiting}`, title: unsent === 0 ? title : `${title} ${kept}` };
}
