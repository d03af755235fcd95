import { describe, expect, it } from "vitest";
import { element } from "./given.js";
import { makeRoom } from "./node.js";
import type { Person } from "./person.js";
import { Scene } from "./scene.js";
import { until } from "./until.js";

describe("the library", () => {
  const scene = new Scene(1);
  const items = (person: Person) => person.page.locator(".library-unit__dragger").count();
  const look = (person: Person) => person.page.locator(".sidebar-trigger").first().click();

  it("is there after a reload, after a look at the past, and on other boards of the same browser", async () => {
    const [room, other] = [await makeRoom(scene.cluster.at(0), "shelf"), await makeRoom(scene.cluster.at(0), "other-shelf")];
    const ann = await scene.come({ name: "Ann" });
    await ann.open(scene.cluster.at(0).url, room);
    await ann.draw("r", [400, 300], [600, 420]);
    await ann.page.mouse.click(401, 360, { button: "right" });
    await ann.page.getByText("Add to library").click();
    await until("it is kept", () => ann.page.evaluate(() => /rectangle/.test(localStorage.getItem("pgcanvas.library") ?? "")));
    await ann.page.reload();
    await ann.says("Live");
    await look(ann);
    await until("it is there after a reload", async () => (await items(ann)) === 1);
    await ann.choose("History");
    await ann.page.getByText("Back to the board").click();
    await ann.says("Live");
    await look(ann);
    await until("it is there after a look at the past", async () => (await items(ann)) === 1);
    await ann.open(scene.cluster.at(0).url, other);
    await look(ann);
    await until("it is there on another board", async () => (await items(ann)) === 1);
    await ann.page.locator(".library-unit__dragger").click();
    await until("and can be put on it", async () => (await scene.cluster.sql(`select count(*) from pgcanvas.board_shapes where room = '${other}'`)) === "1");
    expect(ann.complaints).toEqual([]);
    await ann.context.close();
  });

  it("takes what can be read of a library that is opened, and says what it leaves out", async () => {
    const room = await makeRoom(scene.cluster.at(0), "opened-shelf");
    const ann = await scene.come({ name: "Ann" });
    await ann.open(scene.cluster.at(0).url, room);
    await look(ann);
    await ann.page.getByTestId("library").getByTestId("dropdown-menu-button").click();
    const [chooser] = await Promise.all([ann.page.waitForEvent("filechooser"), ann.page.getByTestId("lib-dropdown--load").click()]);
    const library = [[element("bad", "freedraw", 0, { points: null })], [element("a", "diamond", 0), null], [element("b", "ellipse", 0)]];
    const text = JSON.stringify({ type: "excalidrawlib", version: 1, library });
    await chooser.setFiles({ name: "shelf.excalidrawlib", mimeType: "application/json", buffer: Buffer.from(text) });
    await until("two items are there", async () => (await items(ann)) === 2);
    await until("what was left out is said", async () => /2 were left out: freedraw “bad”/.test(await ann.page.locator(".Toast").innerText()));
    expect(await ann.page.getByTestId("lib-dropdown--load").count(), "the menu is closed").toBe(0);
    await ann.picture("library-opened");
    await ann.page.reload();
    await ann.says("Live");
    await look(ann);
    await until("so they are after a reload", async () => (await items(ann)) === 2);
    expect(ann.complaints).toEqual([]);
    await ann.context.close();
  });

  it("is empty where what was kept cannot be read", async () => {
    const room = await makeRoom(scene.cluster.at(0), "broken-shelf");
    const ann = await scene.come({ name: "Ann" });
    await ann.context.addInitScript(() => localStorage.setItem("pgcanvas.library", "{"));
    await ann.open(scene.cluster.at(0).url, room);
    await look(ann);
    await until("the library says that it is empty", () => ann.page.getByText("No items added yet").isVisible());
    expect(ann.complaints).toEqual([]);
    await ann.context.close();
  });
});
