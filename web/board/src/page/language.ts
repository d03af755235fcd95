import { defaultLang, languages } from "@excalidraw/excalidraw";

/** The browser's language, where the component speaks it. */
export function componentLanguage(): string {
  for (const wanted of navigator.languages) {
    const exact = languages.find(({ code }) => code.toLowerCase() === wanted.toLowerCase());
    const near = languages.find(({ code }) => code.split("-")[0] === wanted.split("-")[0]);
    const found = exact ?? near;
    if (found) return found.code;
  }
  return defaultLang.code;
}
