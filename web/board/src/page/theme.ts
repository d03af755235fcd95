import { useEffect, useState } from "react";

type Theme = "light" | "dark";
type Choice = Theme | "system";

const KEY = "pgcanvas.theme";
const dark = matchMedia("(prefers-color-scheme: dark)");

/** The theme: the person's choice, or the system's. */
export function useTheme(): { theme: Theme; choice: Choice; choose: (choice: Choice) => void } {
  const [choice, setChoice] = useState<Choice>(() => {
    const kept = localStorage.getItem(KEY);
    return kept === "light" || kept === "dark" ? kept : "system";
  });
  const [system, setSystem] = useState<Theme>(dark.matches ? "dark" : "light");
  useEffect(() => {
    const turned = () => setSystem(dark.matches ? "dark" : "light");
    dark.addEventListener("change", turned);
    return () => dark.removeEventListener("change", turned);
  }, []);
  const theme = choice === "system" ? system : choice;
  useEffect(() => {
    // Our own parts of the page go along.
    document.documentElement.style.colorScheme = theme;
  }, [theme]);
  const choose = (next: Choice) => {
    localStorage.setItem(KEY, next);
    setChoice(next);
  };
  return { theme, choice, choose };
}
