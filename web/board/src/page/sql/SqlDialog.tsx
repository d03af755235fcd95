import { useRef } from "react";
import { CopyButton } from "../CopyButton.js";
import { Dialog } from "../Dialog.js";
import { changesQuery, shapesQuery } from "./queries.js";

/** Shows how to read the selected shapes, or the whole room, with SQL. */
export function SqlDialog({ room, ids, close }: { room: string; ids: readonly string[]; close: () => void }) {
  const what = ids.length === 0 ? "the whole room" : ids.length === 1 ? "the selected shape" : `the ${ids.length} selected shapes`;
  return (
    <Dialog title="Open in SQL" close={close}>
      <p className="quiet">For {what}. Every shape is a row: run this with psql or any tool for PostgreSQL, as a member of pgcanvas_analyst.</p>
      <Query title="As it is now" text={shapesQuery(room, ids)} />
      <Query title="What happened" text={changesQuery(room, ids)} />
    </Dialog>
  );
}

function Query({ title, text }: { title: string; text: string }) {
  const code = useRef<HTMLPreElement>(null);
  return (
    <section>
      <header>
        <h3>{title}</h3>
        <CopyButton text={text} select={() => code.current && getSelection()?.selectAllChildren(code.current)} />
      </header>
      <pre ref={code} tabIndex={0}>{text}</pre>
    </section>
  );
}
