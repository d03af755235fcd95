import { useLayoutEffect } from "react";

/** By what a person can do something to the component. */
const DEEDS = [
  "keydown", "keypress", "keyup", "pointerdown", "pointermove", "pointerup", "mousedown", "mouseup", "click", "dblclick", "contextmenu", "wheel",
  "touchstart", "touchmove", "touchend", "gesturestart", "gesturechange", "gestureend", "copy", "cut", "paste", "dragenter", "dragover", "drop",
] as const;
/** What the browser would do by itself: open a dropped file in place of the page. */
const PREVENTED: ReadonlySet<string> = new Set(["dragover", "drop"]);

/**
 * Lets nothing that a person does through to the component until it is tied to the room. It writes back whole states that it read before: one
 * of the time when it was loading makes it believe for ever that it still is. Then it tells of no change any more. Fields of the page itself
 * go on: what is written there comes as `input` and `submit`.
 */
export function useShield(up: boolean): void {
  useLayoutEffect(() => {
    if (!up) return undefined;
    const stop = (event: Event) => {
      event.stopImmediatePropagation();
      if (PREVENTED.has(event.type)) event.preventDefault();
    };
    for (const deed of DEEDS) addEventListener(deed, stop, { capture: true, passive: false });
    return () => {
      for (const deed of DEEDS) removeEventListener(deed, stop, { capture: true });
    };
  }, [up]);
}
