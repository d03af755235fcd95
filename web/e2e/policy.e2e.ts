import { readFile } from "node:fs/promises";
import { describe, expect, it } from "vitest";
import { makeRoom } from "./node.js";
import type { Person } from "./person.js";
import { Scene } from "./scene.js";

describe("the page under its own policy", () => {
  const scene = new Scene(1);
  const TEXT = { id: "t", kind: "text", x: 0, y: 0, width: 260, height: 25, text: "漢字かな 한국어 العربية", font_size: 20, font_family: 5 };

  async function svgOf(ann: Person, slug: string): Promise<string> {
    const room = await makeRoom(scene.cluster.at(0), slug);
    await scene.cluster.sql(`select pgcanvas.draw('${room}', '${JSON.stringify([{ op: "put", shape: TEXT }])}')`);
    await ann.open(scene.cluster.at(0).url, room);
    await ann.page.evaluate(() => Reflect.deleteProperty(window, "showSaveFilePicker"));
    await ann.choose("Export image...");
    await ann.page.locator(".ImageExportModal canvas, .ImageExportModal img").first().waitFor();
    const [download] = await Promise.all([
      ann.page.waitForEvent("download", { timeout: 80_000 }), ann.page.getByRole("button", { name: "Export to SVG" }).click(),
    ]);
    return readFile(await download.path(), "utf8");
  }

  /** Each of the fonts holds what is written, and hardly more. */
  function expectCut(svg: string): void {
    const fonts = [...svg.matchAll(/src: url\(([^)]*)\)/g)].map(([, url]) => url ?? "");
    expect(fonts.length).toBeGreaterThan(0);
    expect(fonts.filter((url) => !url.startsWith("data:font/")), "all are in the picture").toEqual([]);
    console.log(`fonts of an exported line: ${fonts.length}, ${fonts.join("").length} bytes`);
    expect(fonts.join("").length).toBeLessThan(60_000);
  }

  it("cuts the fonts of an exported picture to what is written in it", async () => {
    const ann = await scene.come({ name: "Ann" });
    expectCut(await svgOf(ann, "fonts"));
    expect(ann.complaints).toEqual([]);
    await ann.context.close();
  });

  it("does so where the machine is so slow that the worker does not answer in a second", async () => {
    const ann = await scene.come({ name: "Ann" });
    await ann.context.addInitScript(() => {
      const { postMessage } = Worker.prototype;
      Worker.prototype.postMessage = function (this: Worker, ...given: unknown[]) {
        setTimeout(() => Reflect.apply(postMessage, this, given), 2500);
      };
    });
    expectCut(await svgOf(ann, "fonts-slow"));
    expect(ann.complaints).toEqual([]);
    await ann.context.close();
  });

  it("does so where there is no worker: its file does not come, or is of another place", async () => {
    const ann = await scene.come({ name: "Ann" });
    await ann.context.addInitScript(() => {
      window.Worker = class {
        constructor() {
          throw new DOMException("cannot be accessed from this origin", "SecurityError");
        }
      } as unknown as typeof Worker;
    });
    expectCut(await svgOf(ann, "fonts-alone"));
    expect(ann.complaints.filter((said) => /Content Security Policy|Skipped|EvalError/.test(said))).toEqual([]);
    await ann.context.close();
  });
});
