import { useSyncExternalStore } from "react";
import { recall, remember } from "../storage.js";

type Theme = "light" | "dark";
type Choice = Theme | "system";

const KEY = "pgcanvas.theme";
const dark = matchMedia("(prefers-color-scheme: dark)");
const watchers = new Set<() => void>();

let choice = read();

/** The theme: the person's choice, or the system's. */
export function useTheme(): { theme: Theme; choice: Choice; choose: (choice: Choice) => void } {
  return { theme: useSyncExternalStore(watch, present), choice: useSyncExternalStore(watch, () => choice), choose };
}

function present(): Theme {
  if (choice !== "system") return choice;
  return dark.matches ? "dark" : "light";
}

function choose(next: Choice): void {
  remember(KEY, next);
  choice = next;
  turned();
}

function read(): Choice {
  const kept = recall(KEY);
  return kept === "light" || kept === "dark" ? kept : "system";
}

function watch(changed: () => void): () => void {
  watchers.add(changed);
  return () => watchers.delete(changed);
}

/** Our own parts of the page go along with the component. */
function turned(): void {
  document.documentElement.dataset["theme"] = present();
  for (const changed of watchers) changed();
}

dark.addEventListener("change", turned);
turned();
