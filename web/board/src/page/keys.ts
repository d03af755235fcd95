import { useLayoutEffect } from "react";

/** What the component hears wherever the focus is. The end of a key is no deed, and one that began before must not go on without end. */
const HEARD = ["keydown", "keypress", "copy", "cut", "paste"] as const;

/** How many dialogs are open. */
let open = 0;

// Before the component listens, which it does here, too, and before whoever has the focus. What the browser does by itself with a key goes on:
// it writes, sends a form, goes from field to field, and closes a dialog.
for (const kind of HEARD) addEventListener(kind, (event) => open > 0 && event.stopImmediatePropagation(), { capture: true });

/** Keeps keys and the clipboard from the board as long as the caller is there. */
export function useKeys(): void {
  useLayoutEffect(() => {
    open += 1;
    return () => {
      open -= 1;
    };
  }, []);
}
