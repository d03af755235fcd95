import { recall, remember } from "../storage.js";

const KEY = "pgcanvas.name";
const MAX_CHARS = 64;

/** What this person wants to be called; none when nobody asked yet. */
export function myName(): string | undefined {
  return recall(KEY);
}

/** Remembers the name, as the protocol takes it; gives what is left of it. */
export function callMe(name: string): string {
  const kept = [...name.replace(/\p{Cc}/gu, "").trim()].slice(0, MAX_CHARS).join("");
  remember(KEY, kept);
  return kept;
}
