import { cp } from "node:fs/promises";
import { fileURLToPath } from "node:url";
import { defineConfig, type Plugin } from "vite";
import { compress } from "./build/compress.js";
import { withoutEval } from "./build/withoutEval.js";

const fonts = fileURLToPath(new URL("../node_modules/@excalidraw/excalidraw/dist/prod/fonts", import.meta.url));
/** Where the page is put; the build of the node has a place of its own for it. */
const out = process.env["PGCANVAS_PAGE_FOLDER"] ?? fileURLToPath(new URL("../dist", import.meta.url));

/** The component's fonts, under the names that it asks for (they carry a hash of their content already), and what is sent compressed. */
function finish(): Plugin {
  const closeBundle = async () => {
    await cp(fonts, `${out}/assets/fonts`, { recursive: true });
    await compress(out);
  };
  return { name: "finish", apply: "build", closeBundle };
}

/** The component looks for its fonts on the internet if the node fails to send one; then this page would, too. */
const ELSEWHERE = /`https:\/\/esm\.sh\/\$\{[^;]*?\/dist\/prod\/`/;

/** Lets it look here alone. */
function onlyHere(): Plugin {
  const found = new Set<string>();
  const transform = (code: string, id: string) => {
    if (!id.includes("@excalidraw/excalidraw/") || !ELSEWHERE.test(code)) return undefined;
    found.add(id);
    return { code: code.replace(ELSEWHERE, "window.EXCALIDRAW_ASSET_PATH"), map: null };
  };
  const buildEnd = (failure?: Error) => {
    if (!failure && found.size === 0) throw new Error("the component's address for fonts elsewhere was not found: is it another version?");
  };
  return { name: "only-here", apply: "build", transform, buildEnd };
}

/** What the component's worker for fonts shares with the component: apart from the page, which a worker cannot run. */
const SHARED_WITH_WORKER = /@excalidraw\/excalidraw\/dist\/prod\/chunk-(SRAX5OIU|ZUYEQ4TG)\.js/;

export default defineConfig({
  // Relative to the file that asks: so the assets may be served from anywhere.
  base: "./",
  plugins: [onlyHere(), withoutEval(), finish()],
  build: {
    outDir: out,
    emptyOutDir: true,
    target: "es2022",
    assetsInlineLimit: 0,
    chunkSizeWarningLimit: 4000,
    // Marks for servers that render React; here they mean nothing.
    rolldownOptions: {
      checks: { invalidAnnotation: false },
      onLog: (level, log, next) => log.code === "MODULE_LEVEL_DIRECTIVE" || next(level, log),
      output: { codeSplitting: { groups: [{ name: "component-base", test: SHARED_WITH_WORKER }] } },
    },
  },
  server: { proxy: { "/api": "http://127.0.0.1:8080", "/ws": { target: "ws://127.0.0.1:8080", ws: true } } },
});
