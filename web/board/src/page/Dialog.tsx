import { useEffect, useRef, type ReactNode } from "react";

/** A dialog of the page, over everything; Escape and its button close it, and what is typed in it reaches nothing else. */
export function Dialog({ title, close, children }: { title: string; close: () => void; children: ReactNode }) {
  const dialog = useRef<HTMLDialogElement>(null);
  useEffect(() => dialog.current?.showModal(), []);
  const keep = (event: { stopPropagation(): void }) => event.stopPropagation();
  return (
    <dialog ref={dialog} className="dialog" aria-label={title} onClose={close} onKeyDown={keep} onPaste={keep} onCopy={keep} onCut={keep}>
      <header>
        <h2>{title}</h2>
        <button type="button" className="plain" onClick={() => dialog.current?.close()}>Close</button>
      </header>
      {children}
    </dialog>
  );
}
