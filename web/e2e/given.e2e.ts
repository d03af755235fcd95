import { readFile } from "node:fs/promises";
import { describe, expect, it } from "vitest";
import { drawing, drop, element, importFile, paste, pictured, png } from "./given.js";
import { makeRoom } from "./node.js";
import type { Person } from "./person.js";
import { Scene } from "./scene.js";
import { until } from "./until.js";

const RED = [200, 30, 40] as const;
const BLUE = [24, 100, 171] as const;
const GREEN = [43, 138, 62] as const;
const STROKE = element("bad", "freedraw", 0, { points: null });

describe("what comes from outside", () => {
  const scene = new Scene(1);
  const kinds = (room: string) => scene.cluster.sql(`select string_agg(kind, ' ' order by kind) from pgcanvas.board_shapes where room = '${room}'`);
  const pictures = (room: string) =>
    scene.cluster.sql(`select count(*), count(f.sha256), count(distinct f.sha256) from pgcanvas.board_shapes b left join pgcanvas.files f on f.sha256 = b.file_id where room = '${room}' and kind = 'image'`);
  const said = async (person: Person, what: RegExp) => {
    await until(`it is said: ${String(what)}`, async () => what.test((await person.page.locator(".Toast").allInnerTexts()).join().replace(/\s+/g, " ")));
  };

  async function opened(slug: string, coming: Parameters<Scene["come"]>[0] = {}): Promise<{ room: string; ann: Person }> {
    const room = await makeRoom(scene.cluster.at(0), slug);
    const ann = await scene.come({ name: "Ann", ...coming });
    await ann.open(scene.cluster.at(0).url, room);
    await ann.page.mouse.click(640, 700);
    return { room, ann };
  }

  it("brings its pictures each time, under whatever names, also when a name stands for another picture", async () => {
    const { room, ann } = await opened("pictures-twice");
    const image = (id: string, x: number, fileId: string) => element(id, "image", x, { fileId, status: "saved", scale: [1, 1] });
    const file = drawing([image("i1", 0, "f1"), image("i2", 150, "f2")], { f1: pictured("f1", RED), f2: pictured("f2", RED) });
    await importFile(ann, file);
    await until("both are there for everybody", async () => (await pictures(room)) === "2|2|1");
    await importFile(ann, file);
    await until("and of the second import, too", async () => (await pictures(room)) === "4|4|1");
    await importFile(ann, drawing([image("i3", 300, "f1")], { f1: pictured("f1", BLUE) }));
    await until("and another under one of the names", async () => (await pictures(room)) === "5|5|2");
    await drop(ann, drawing([image("i4", 450, "f1")], { f1: pictured("f1", GREEN) }));
    await until("and one that is dropped", async () => (await pictures(room)) === "6|6|3");
    const copied = { type: "excalidraw/clipboard", elements: [image("i5", 0, "f1")], files: { f1: pictured("f1", [232, 89, 12]) } };
    for (const count of ["7|7|4", "8|8|4"]) {
      await paste(ann, JSON.stringify(copied));
      await until(`and one that is pasted: ${count}`, async () => (await pictures(room)) === count);
    }
    await ann.page.reload();
    await ann.says("Live");
    for (const colour of [RED, BLUE, GREEN]) await until(`${String(colour)} is seen after a reload`, () => ann.shows(colour));
    await ann.picture("given-pictures");
    expect(ann.complaints).toEqual([]);
    await ann.context.close();
  });

  it("without its larger-than-life shape, which is named", async () => {
    const { room, ann } = await opened("one-too-large");
    const large = element("large", "rectangle", 0, { customData: { blob: "A".repeat(1_300_000) } });
    await importFile(ann, drawing([large, ...[1, 2, 3].map((at) => element(`small${at}`, "rectangle", 150 * at))]));
    await said(ann, /3 shapes were added\..*1 was left out: rectangle “large”, .*larger than a shape may be/);
    await until("three are stored", async () => (await kinds(room)) === "rectangle rectangle rectangle");
    await ann.picture("given-too-large");
    await paste(ann, JSON.stringify({ type: "excalidraw/clipboard", elements: [large, element("s", "ellipse", 0)] }));
    await said(ann, /^1 was left out: rectangle “large”/);
    await until("so it is with what is pasted", async () => (await kinds(room)) === "ellipse rectangle rectangle rectangle");
    expect(ann.complaints).toEqual([]);
    await ann.context.close();
  });

  it("without what is nested without end, which is named", async () => {
    const { room, ann } = await opened("nested");
    const nested = `${"[".repeat(50_000)}${"]".repeat(50_000)}`;
    const text = drawing([element("deep", "rectangle", 0, { customData: "?" }), element("good", "ellipse", 150)]).buffer.toString().replace('"?"', nested);
    await importFile(ann, { name: "deep.excalidraw", mimeType: "application/json", buffer: Buffer.from(text) });
    await said(ann, /^1 shape was added\. 1 was left out: rectangle “deep”, because what is in it is nested more than 32 deep/);
    await until("the other is stored", async () => (await kinds(room)) === "ellipse");
    expect(ann.complaints).toEqual([]);
    await ann.context.close();
  });

  it("each of several files that are dropped at once, pictures among them", async () => {
    const { room, ann } = await opened("several");
    const picture = (colour: readonly [number, number, number], name: string) => ({ name, mimeType: "image/png", buffer: png(colour) });
    await drop(ann, drawing([element("one", "rectangle", 0), STROKE]), picture(RED, "red.png"), drawing([element("two", "ellipse", 150)]), picture(BLUE, "blue.png"));
    await said(ann, /1 shape was added\. 1 was left out: freedraw “bad”.* 1 shape was added\./);
    await until("they are stored", async () => (await kinds(room)) === "ellipse image image rectangle");
    await until("with their pictures", async () => (await pictures(room)) === "2|2|2");
    await ann.picture("given-several");
    expect(ann.complaints).toEqual([]);
    await ann.context.close();
  });

  it("under new names where theirs are none, as they lie on each other", async () => {
    const { room, ann } = await opened("odd-names");
    const label = element("label", "text", 10, { containerId: 12345, text: "of the first", fontSize: 20, fontFamily: 5 });
    await importFile(ann, drawing([element(12345, "rectangle", 0, { index: "r00000000" }), label, element("x".repeat(200), "diamond", 50), element("a\u0000b", "ellipse", 80, { index: "a1" })]));
    await said(ann, /^4 shapes were added\.$/);
    await until("all are stored", async () => (await kinds(room)) === "diamond ellipse rectangle text");
    const order = () => scene.cluster.sql(`select string_agg(kind, ' ' order by index collate "C") from pgcanvas.board_shapes where room = '${room}'`);
    expect(await order()).toBe("rectangle text diamond ellipse");
    expect(await scene.cluster.sql(`select count(*) from pgcanvas.board_shapes t join pgcanvas.board_shapes b on b.id = t.container_id where t.room = '${room}' and b.kind = 'rectangle'`)).toBe("1");
    expect(ann.complaints).toEqual([]);
    await ann.context.close();
  });

  it("without what cannot be read, which is counted, by every way in", async () => {
    const { room, ann } = await opened("one-malformed");
    const good = (id: string) => element(id, "ellipse", 150);
    const given = [STROKE, null, 5, "x", {}, { type: 7, id: "q" }, good("good")];
    await importFile(ann, drawing(given));
    await said(ann, /^1 shape was added\. 6 were left out: freedraw “bad”, .*cannot be read/);
    await until("it is stored", async () => (await kinds(room)) === "ellipse");
    await drop(ann, drawing([STROKE, good("dropped")], {}, "dropped.excalidraw"));
    await said(ann, /1 shape was added\. 1 was left out: freedraw “bad”/);
    await until("so is what was dropped", async () => (await kinds(room)) === "ellipse ellipse");
    await paste(ann, JSON.stringify({ type: "excalidraw/clipboard", elements: [STROKE, good("pasted")] }));
    await said(ann, /^1 was left out: freedraw “bad”/);
    await until("so is what was pasted", async () => (await kinds(room)) === "ellipse ellipse ellipse");
    const library = { type: "excalidrawlib", version: 2, libraryItems: [{ id: "l1", status: "published", created: 1, elements: [STROKE, element("item", "diamond", 0)] }] };
    await drop(ann, { name: "shelf.excalidrawlib", mimeType: "", buffer: Buffer.from(JSON.stringify(library)) });
    await ann.page.locator(".library-unit__dragger svg").last().waitFor();
    await ann.picture("given-library");
    await ann.page.locator(".library-unit__dragger").last().click();
    await until("so is what comes by the library", async () => (await kinds(room)) === "diamond ellipse ellipse ellipse");
    expect(ann.complaints).toEqual([]);
    await ann.context.close();
  });

  it("stays what it was when it was exported as a picture with its scene", async () => {
    const { room, ann } = await opened("scene-in-picture");
    await ann.draw("r", [300, 250], [450, 350]);
    await until("it is stored", async () => (await kinds(room)) === "rectangle");
    await ann.page.evaluate(() => Reflect.deleteProperty(window, "showSaveFilePicker"));
    const count = async () => (await kinds(room)).split(" ").length;
    for (const [name, mimeType] of [["PNG", "image/png"], ["SVG", "image/svg+xml"]] as const) {
      const before = await count();
      await ann.choose("Export image...");
      await ann.page.locator("#exportEmbedSwitch").first().setChecked(true, { force: true });
      const [download] = await Promise.all([ann.page.waitForEvent("download"), ann.page.getByRole("button", { name: `Export to ${name}` }).click()]);
      const file = { name: `scene.${name.toLowerCase()}`, mimeType, buffer: await readFile(await download.path()) };
      await ann.page.locator(".Modal__background").click({ position: { x: 5, y: 5 } });
      await until("the dialog is closed", async () => (await ann.page.locator(".ImageExportModal").count()) === 0);
      await importFile(ann, file);
      await until(`${name} is imported`, async () => (await count()) > before);
      await drop(ann, file);
      await until(`${name} is dropped`, async () => (await count()) > before + 1);
      await ann.says("Live");
    }
    expect(new Set((await kinds(room)).split(" "))).toEqual(new Set(["rectangle"]));
    const plain = pictured("f", BLUE) as { dataURL: string };
    await drop(ann, { name: "plain.png", mimeType: "image/png", buffer: Buffer.from(plain.dataURL.split(",")[1]!, "base64") });
    await until("a picture without a scene is a picture", async () => (await pictures(room)).startsWith("1|1|1"));
    expect(ann.complaints).toEqual([]);
    await ann.context.close();
  });

  it("keeps its pictures where no node is there, for whichever tab is there when one is back", async () => {
    const room = await makeRoom(scene.cluster.at(0), "pictures-offline");
    const node = await scene.cluster.further();
    const port = Number(new URL(node.url).port);
    const ann = await scene.come({ name: "Ann" });
    await ann.open(node.url, room);
    const other = await ann.newTab();
    await ann.open(node.url, room);
    await node.kill();
    const first = ann.context.pages()[0]!;
    ann.page = first;
    await first.bringToFront();
    const image = (id: string, x: number, fileId: string) => element(id, "image", x, { fileId, status: "saved", scale: [1, 1] });
    await importFile(ann, drawing([image("i1", 0, "f1"), image("i2", 150, "f2")], { f1: pictured("f1", RED), f2: pictured("f2", BLUE) }));
    await until("they are seen here", async () => (await ann.shows(RED)) && (await ann.shows(BLUE)));
    await importFile(ann, drawing([image("i3", 300, "f1")], { f1: pictured("f1", GREEN) }));
    await until("so is another of the same name", () => ann.shows(GREEN));
    await ann.says(/unsent/);
    await first.close();
    await scene.cluster.further(port);
    ann.page = other;
    await ann.says("Live");
    // What a tab drew that is gone is sent by the next page of the browser.
    await ann.newTab();
    await ann.open(node.url, room);
    await until("all are there for everybody", async () => (await pictures(room)) === "3|3|3", 60_000);
    await ann.context.close();
  });

  it("has its picture where a text became one, each time", async () => {
    const { room, ann } = await opened("diagram");
    const pie = 'pie title Pets\n    "Dogs" : 386\n    "Cats" : 85';
    for (const count of ["1|1|1", "2|2|1"]) {
      await paste(ann, pie);
      await until(`the picture is there for everybody: ${count}`, async () => (await pictures(room)) === count, 40_000);
    }
    await paste(ann, "flowchart TD\n  A[one] --> B[two]");
    await until("what can be drawn is", async () => (await kinds(room)).includes("arrow"));
    expect(ann.complaints).toEqual([]);
    await ann.context.close();
  });

  it("keeps a stroke that is longer than one message carries, and undoes it as one", async () => {
    const { room, ann } = await opened("long-stroke");
    const points = Array.from({ length: 60_000 }, (_, at) => [Math.sin(at / 100) * 250 + 0.123456789, Math.cos(at / 77) * 200 + 0.987654321]);
    const stroke = element("long", "freedraw", 500, { points, pressures: points.map(() => 0.5), simulatePressure: false });
    await importFile(ann, drawing([stroke, element("small", "rectangle", 0)]));
    await said(ann, /^2 shapes were added\.$/);
    const stored = () => scene.cluster.sql(`select count(*), max(array_length(points, 1)) from pgcanvas.board_shapes where room = '${room}'`);
    await until("all of it is stored", async () => (await stored()) === "2|60000", 60_000);
    await ann.page.keyboard.press("Control+z");
    await until("it is undone as one", async () => (await stored()) === "0|", 60_000);
    expect(ann.complaints).toEqual([]);
    await ann.context.close();
  });

  it("without what a database of one's own does not take, which is named", async () => {
    await scene.cluster.sql(`create function public.refuse() returns trigger language plpgsql as $$
      begin if new.id = 'unloved' then raise exception using errcode = 'WB001', message = 'id: nobody loves it'; end if; return new; end $$`);
    await scene.cluster.sql("create trigger refuse before insert on pgcanvas.shapes for each row execute function public.refuse()");
    const { room, ann } = await opened("refused");
    await importFile(ann, drawing(["a", "b", "unloved", "c"].map((id, at) => element(id, at % 2 === 0 ? "rectangle" : "ellipse", 150 * at))));
    await until("the others are stored", async () => (await kinds(room)) === "ellipse ellipse rectangle");
    await said(ann, /nobody loves it/);
    await scene.cluster.sql("drop trigger refuse on pgcanvas.shapes");
    expect(ann.complaints).toEqual([]);
    await ann.context.close();
  });

  it("is told of on a phone, in the dark, in a language of long words", async () => {
    const { room, ann } = await opened("klein-und-dunkel", { width: 390, height: 844, dark: true, locale: "de-DE" });
    const words = "Donaudampfschifffahrtsgesellschaftskapitänsmützenfabrikationsunternehmen";
    const text = (id: string, x: number) => element(id, "text", x, { text: words, customData: { blob: "A".repeat(1_300_000) } });
    await importFile(ann, drawing([text("t1", 0), text("t2", 50), STROKE, element("ok", "rectangle", 0)]));
    await said(ann, /1 shape was added\. 3 were left out: freedraw “bad”/);
    await until("it is stored", async () => (await kinds(room)) === "rectangle");
    const toast = ann.page.locator(".Toast").last();
    const box = await toast.boundingBox();
    expect(box && box.x >= 0 && box.x + box.width <= 390 && box.y >= 0 && box.y + box.height <= 844, JSON.stringify(box)).toBe(true);
    await ann.picture("given-phone-dark");
    await ann.context.close();
  });
});
