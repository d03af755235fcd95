import { useLayoutEffect, useRef, type ReactNode } from "react";
import { useKeys } from "./keys.js";

/** A dialog of the page, over everything; Escape and its button close it, and what is typed while it is open reaches nothing else. */
export function Dialog({ title, close, children }: { title: string; close: () => void; children: ReactNode }) {
  const dialog = useRef<HTMLDialogElement>(null);
  // Before a field in it asks for the focus.
  useLayoutEffect(() => dialog.current?.showModal(), []);
  useKeys();
  return (
    <dialog ref={dialog} className="dialog" aria-label={title} onClose={close}>
      <header>
        <h2>{title}</h2>
        <button type="button" className="plain" onClick={() => dialog.current?.close()}>Close</button>
      </header>
      {children}
    </dialog>
  );
}
