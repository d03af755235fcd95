import { readFile } from "node:fs/promises";
import { describe, expect, it } from "vitest";
import { makeRoom } from "./node.js";
import { Person } from "./person.js";
import { Scene } from "./scene.js";
import { until } from "./until.js";

describe("a board's menu", () => {
  const scene = new Scene(1);

  const count = async (room: string) => Number(await scene.cluster.sql(`select count(*) from pgcanvas.board_shapes where room = '${room}'`));
  const draw = (room: string, shapes: string) => scene.cluster.sql(`select pgcanvas.draw('${room}', '${shapes}')`);

  async function drawn(slug: string, coming: Parameters<typeof Person.come>[1] = {}): Promise<{ room: string; ann: Person }> {
    const room = await makeRoom(scene.cluster.at(0), slug);
    await draw(room, `[{"op":"put","shape":{"id":"box","kind":"rectangle","x":0,"y":0,"width":200,"height":120,"background_color":"#a5d8ff","group_ids":["g"]}},
      {"op":"put","shape":{"id":"word","kind":"text","x":30,"y":40,"width":120,"height":25,"text":"needle in hay","group_ids":["g"]}},
      {"op":"put","shape":{"id":"far","kind":"text","x":9000,"y":9000,"width":120,"height":25,"text":"far away"}}]`);
    const ann = await scene.come({ name: "Ann", ...coming });
    await ann.open(scene.cluster.at(0).url, room);
    return { room, ann };
  }

  it("takes a board out as a file and in again, as often as one likes", async () => {
    const { room, ann } = await drawn("transfer");
    await ann.page.getByTestId("main-menu-trigger").click();
    await ann.picture("menu");
    await ann.page.getByTestId("json-export-button").click();
    await ann.picture("menu-export");
    // The browser is asked for a place on the disk; without that it downloads.
    await ann.page.evaluate(() => Reflect.deleteProperty(window, "showSaveFilePicker"));
    const [download] = await Promise.all([ann.page.waitForEvent("download"), ann.page.getByRole("button", { name: "Save to file" }).click()]);
    expect(download.suggestedFilename()).toBe("transfer.excalidraw");
    const file = { name: "transfer.excalidraw", mimeType: "application/json", buffer: await readFile(await download.path()) };
    expect((JSON.parse(file.buffer.toString()) as { elements: { id: string }[] }).elements.map(({ id }) => id).sort()).toEqual(["box", "far", "word"]);
    await ann.page.keyboard.press("Escape");
    const add = async (given: typeof file) => {
      const [chooser] = await Promise.all([ann.page.waitForEvent("filechooser"), ann.choose("Import a file")]);
      await chooser.setFiles(given);
    };
    await add(file);
    await until("it is added to itself", async () => (await count(room)) === 6);
    await add(file);
    await until("and once more", async () => (await count(room)) === 9);
    const groups = await scene.cluster.sql(`select count(distinct group_ids) from pgcanvas.board_shapes where room = '${room}' and cardinality(group_ids) > 0`);
    expect(groups, "each copy is a group of its own").toBe("3");
    await ann.page.keyboard.press("Control+z");
    await until("an import is undone as one", async () => (await count(room)) === 6);
    await add({ name: "notes.json", mimeType: "application/json", buffer: Buffer.from('{"no": "drawing"}') });
    await until("what is no drawing is told", async () => /no drawing in this file/.test(await ann.page.locator(".Toast").innerText()));
    await ann.picture("menu-no-drawing");
    expect(ann.complaints).toEqual([]);
    await ann.context.close();
  });

  it("makes pictures of it", async () => {
    const { ann } = await drawn("export-image");
    await ann.page.evaluate(() => Reflect.deleteProperty(window, "showSaveFilePicker"));
    await ann.choose("Export image...");
    await ann.page.locator(".ImageExportModal canvas, .ImageExportModal img").first().waitFor();
    await ann.picture("export-image");
    for (const [name, begins] of [["SVG", "<svg"], ["PNG", "\u{89}PNG"]] as const) {
      const [download] = await Promise.all([ann.page.waitForEvent("download"), ann.page.getByRole("button", { name: new RegExp(`Export to ${name}`) }).click()]);
      const body = await readFile(await download.path(), "latin1");
      expect(body.replace(/^<\?xml[^>]*>\s*|^<!DOCTYPE[^>]*>\s*/g, "").startsWith(begins), `${name}: ${body.slice(0, 80)}`).toBe(true);
      if (name === "SVG") expect(body).toContain("needle in hay");
    }
    expect(ann.complaints).toEqual([]);
    await ann.context.close();
  });

  it("finds a text, and goes there", async () => {
    const { ann } = await drawn("search");
    await ann.page.mouse.click(640, 700);
    await ann.page.keyboard.press("Control+f");
    await ann.page.getByPlaceholder("Find text on canvas...").fill("needle");
    await until("it is found", async () => /1 result/.test(await ann.page.locator(".layer-ui__search").innerText()));
    await ann.page.keyboard.press("Enter");
    await until("it is shown", () => ann.shows([165, 216, 255]));
    await ann.picture("search");
    await ann.context.close();
  });

  it("speaks the browser's language, in the dark that was chosen, after a reload too", async () => {
    const { room, ann } = await drawn("sprache", { locale: "de-DE" });
    await ann.page.getByTestId("main-menu-trigger").click();
    await until("it is German", async () => /Hilfe/.test(await ann.page.getByTestId("dropdown-menu").innerText()));
    await ann.picture("menu-german");
    await ann.page.locator('[data-testid="dropdown-menu"] input[value="dark"], [data-testid="dropdown-menu"] [title*="unk"]').first().click({ force: true });
    const isDark = () => ann.page.evaluate(() => getComputedStyle(document.documentElement).colorScheme === "dark");
    await until("it is dark", isDark);
    await ann.open(scene.cluster.at(0).url, room);
    expect(await isDark(), "after a reload").toBe(true);
    await ann.page.goto(scene.cluster.at(0).url);
    await ann.page.waitForSelector(".rooms a");
    expect(await isDark(), "on the start page").toBe(true);
    await ann.picture("start-dark");
    expect(ann.complaints).toEqual([]);
    await ann.context.close();
  });

  it("is reached by keys alone, and a shape is made, named and moved by them", async () => {
    const room = await makeRoom(scene.cluster.at(0), "keys");
    const ann = await scene.come({ name: "Ann" });
    await ann.open(scene.cluster.at(0).url, room);
    await ann.page.getByTestId("main-menu-trigger").focus();
    await ann.page.keyboard.press("Enter");
    await ann.page.getByTestId("dropdown-menu").locator("button", { hasText: "Open in SQL" }).press("Enter");
    await ann.page.getByRole("dialog", { name: "Open in SQL" }).waitFor();
    await ann.page.keyboard.press("Escape");
    await until("Escape closes it", async () => (await ann.page.getByRole("dialog").count()) === 0);
    await draw(room, '[{"op":"put","shape":{"id":"box","kind":"rectangle","x":0,"y":0,"width":200,"height":120}}]');
    await until("it is seen", async () => (await ann.ink()) > 300);
    const { keyboard } = ann.page;
    const at = (what: string) => scene.cluster.sql(`select ${what} from pgcanvas.board_shapes where room = '${room}' and id = 'box'`);
    await keyboard.press("Control+a");
    for (let step = 0; step < 3; step += 1) await keyboard.press("ArrowRight");
    await until("it moves", async () => Number(await at("x")) > 0);
    await keyboard.press("Enter");
    await keyboard.type("by keys");
    await keyboard.press("Escape");
    await until("it is named", async () => (await scene.cluster.sql(`select text from pgcanvas.board_shapes where room = '${room}' and kind = 'text'`)) === "by keys");
    expect(ann.complaints).toEqual([]);
    await ann.context.close();
  });

  it("fits on a phone in a language of long words", async () => {
    const room = await makeRoom(scene.cluster.at(0), "klein");
    const ann = await scene.come({ name: "Ann", width: 390, height: 844, locale: "de-DE" });
    await ann.open(scene.cluster.at(0).url, room);
    await ann.page.getByTestId("main-menu-trigger").click();
    const menu = ann.page.getByTestId("dropdown-menu");
    await menu.getByText("Hilfe", { exact: true }).waitFor();
    await ann.picture("phone-menu-german");
    const ends = () => menu.evaluate((shown) => Math.max(...[...shown.querySelectorAll("*")].map((part) => part.getBoundingClientRect().right)) - shown.getBoundingClientRect().right);
    await until("nothing of it is cut off", async () => (await ends()) <= 0);
    await ann.context.close();
  });

  it("and its board are at hand on a phone: a finger draws, two fingers do not", async () => {
    const room = await makeRoom(scene.cluster.at(0), "phone");
    const ann = await scene.come({ name: "Ann", width: 390, height: 844 });
    await ann.open(scene.cluster.at(0).url, room);
    const touch = await ann.context.newCDPSession(ann.page);
    const fingers = (type: "touchStart" | "touchMove" | "touchEnd", ...points: (readonly [number, number])[]) =>
      touch.send("Input.dispatchTouchEvent", { type, touchPoints: points.map(([x, y], id) => ({ x, y, id })) });
    await ann.page.getByTestId("toolbar-rectangle").tap({ force: true });
    await fingers("touchStart", [90, 250]);
    for (let step = 1; step <= 8; step += 1) await fingers("touchMove", [90 + step * 20, 250 + step * 15]);
    await fingers("touchEnd");
    await until("a finger draws", async () => (await count(room)) === 1);
    await ann.picture("phone-drawn");
    await ann.page.getByTestId("main-menu-trigger").click();
    await ann.page.getByTestId("dropdown-menu").getByText("Share", { exact: true }).waitFor();
    await ann.picture("phone-menu");
    await ann.page.getByTestId("main-menu-trigger").click();
    await fingers("touchStart", [150, 400], [250, 400]);
    for (let step = 1; step <= 8; step += 1) await fingers("touchMove", [150 - step * 8, 400], [250 + step * 8, 400]);
    await fingers("touchEnd");
    await until("two fingers look closer", async () => (await ann.ink()) > 0);
    expect(await count(room), "and draw nothing").toBe(1);
    expect(ann.complaints).toEqual([]);
    await ann.context.close();
  });
});
