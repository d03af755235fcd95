import { useEffect, useRef, useState } from "react";
import { changesQuery, shapesQuery } from "./queries.js";

/** Shows how to read the selected shapes, or the whole room, with SQL. */
export function SqlDialog({ room, ids, close }: { room: string; ids: readonly string[]; close: () => void }) {
  const dialog = useRef<HTMLDialogElement>(null);
  useEffect(() => dialog.current?.showModal(), []);
  const what = ids.length === 0 ? "the whole room" : ids.length === 1 ? "the selected shape" : `the ${ids.length} selected shapes`;
  return (
    <dialog ref={dialog} className="sql" aria-label="Open in SQL" onClose={close} onKeyDown={(event) => event.stopPropagation()}>
      <header>
        <h2>Open in SQL</h2>
        <button type="button" className="plain" onClick={() => dialog.current?.close()}>Close</button>
      </header>
      <p className="quiet">For {what}. Every shape is a row: run this with psql or any tool for PostgreSQL, as a member of pgcanvas_analyst.</p>
      <Query title="As it is now" text={shapesQuery(room, ids)} />
      <Query title="What happened" text={changesQuery(room, ids)} />
    </dialog>
  );
}

function Query({ title, text }: { title: string; text: string }) {
  const [copied, setCopied] = useState("");
  const code = useRef<HTMLPreElement>(null);
  const copy = () => navigator.clipboard.writeText(text).then(() => setCopied("Copied"), () => setCopied(selected(code.current)));
  return (
    <section>
      <header>
        <h3>{title}</h3>
        <button type="button" className="plain" onClick={() => void Promise.resolve().then(copy).catch(() => setCopied(selected(code.current)))}>{copied || "Copy"}</button>
      </header>
      <pre ref={code} tabIndex={0}>{text}</pre>
    </section>
  );
}

/** Where the browser keeps its clipboard to itself (plain HTTP), the text is at least selected. */
function selected(code: HTMLElement | null): string {
  if (code) getSelection()?.selectAllChildren(code);
  return "Press Ctrl+C";
}
