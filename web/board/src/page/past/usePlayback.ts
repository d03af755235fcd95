import { useEffect, useState } from "react";
import type { Stretch } from "./usePast.js";

/** Between two pictures, and how many a whole past takes at most. */
const STEP_MS = 150;
const STEPS = 120;

/** Plays the past from where one is to its end; `shown` is the seq whose picture came last, and the next one waits for it. */
export function usePlayback(stretch: Stretch | undefined, seq: number, shown: number | undefined, go: (seq: number) => void): { playing: boolean; toggle: () => void; stop: () => void } {
  const [playing, setPlaying] = useState(false);
  useEffect(() => {
    if (!playing || !stretch || shown !== seq) return undefined;
    if (seq >= stretch.last) {
      setPlaying(false);
      return undefined;
    }
    const stride = Math.max(1, Math.ceil((stretch.last - stretch.first) / STEPS));
    const timer = setTimeout(() => go(Math.min(stretch.last, seq + stride)), STEP_MS);
    return () => clearTimeout(timer);
  }, [playing, stretch, seq, shown]);
  const toggle = () => {
    if (!playing && stretch && seq >= stretch.last) go(stretch.first);
    setPlaying(!playing);
  };
  return { playing, toggle, stop: () => setPlaying(false) };
}
