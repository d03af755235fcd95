import { describe, expect, it } from "vitest";
import { makeRoom } from "./node.js";
import { Scene } from "./scene.js";
import { until } from "./until.js";
import { Wire } from "./wire.js";

describe("two people on two nodes", () => {
  const scene = new Scene(2);

  const shapes = (room: string, what = "count(*)") =>
    scene.cluster.sql(`select ${what} from pgcanvas.shapes where room_id = (select id from pgcanvas.rooms where slug = '${room}')`);

  it("see each other draw, by name, and nothing complains", async () => {
    const room = await makeRoom(scene.cluster.at(0), "together");
    const [ann, bob] = [await scene.come({ name: "Ann" }), await scene.come({ name: "Bob" })];
    await ann.open(scene.cluster.at(0).url, room);
    await bob.open(scene.cluster.at(1).url, room);
    const before = await bob.ink();
    await ann.draw("r", [400, 300], [600, 420]);
    await until("the row is there", async () => (await shapes(room, "kind")) === "rectangle");
    await until("Bob sees it", async () => (await bob.ink()) > before + 200);
    await bob.draw("p", [700, 300], [900, 420]);
    await until("the stroke is whole", async () => Number(await shapes(room, "max(cardinality(points))")) > 10);
    await ann.draw("o", [420, 500], [560, 600]);
    await ann.page.mouse.move(640, 360);
    await until("three shapes", async () => (await shapes(room)) === "3");
    await ann.picture("ann-draws");
    await bob.picture("bob-sees");
    expect([...ann.complaints, ...bob.complaints]).toEqual([]);
    await ann.context.close();
    await bob.context.close();
  });

  it("cannot be spoken for by whoever saw them draw", async () => {
    const room = await makeRoom(scene.cluster.at(0), "own-voice");
    const ann = await scene.come({ name: "Ann" });
    await ann.open(scene.cluster.at(0).url, room);
    await ann.draw("r", [300, 250], [420, 340]);
    await until("it is stored", async () => (await shapes(room)) === "1");
    const [client, number] = (await scene.cluster.sql(`select client, op_id from pgcanvas.shape_changes where room_id = (select id from pgcanvas.rooms where slug = '${room}')`)).split("|");
    for (let next = 1; next <= 20; next += 1) {
      const body = JSON.stringify({ client, op_id: Number(number) + next, ops: [{ op: "delete", id: "nothing" }] });
      expect((await fetch(`${scene.cluster.at(1).url}/api/rooms/${room}/ops`, { method: "POST", body })).status).toBe(403);
    }
    await ann.draw("o", [500, 250], [600, 340]);
    await until("the next is stored, too", async () => (await shapes(room)) === "2");
    await ann.page.reload();
    await ann.says("Live");
    await ann.draw("d", [700, 250], [800, 340]);
    await until("and the one after a reload", async () => (await shapes(room)) === "3");
    expect(ann.complaints).toEqual([]);
    await ann.context.close();
  });

  it("see what psql does to an open page", async () => {
    const room = await makeRoom(scene.cluster.at(0), "by-sql");
    const ann = await scene.come({ name: "Ann" });
    await ann.open(scene.cluster.at(1).url, room);
    await scene.cluster.sql(`select pgcanvas.draw('${room}', '[
      {"op":"put","shape":{"id":"box","kind":"rectangle","x":100,"y":100,"width":200,"height":120,"background_color":"#a5d8ff"}},
      {"op":"put","shape":{"id":"word","kind":"text","x":120,"y":140,"text":"from SQL"}},
      {"op":"put","shape":{"id":"odd","kind":"triangle","x":400,"y":100,"width":80,"height":80}}]')`);
    await until("it is drawn", () => ann.shows([165, 216, 255]));
    await scene.cluster.sql("update pgcanvas.shapes set stroke_color = '#e03131', background_color = '#ffc9c9' where id = 'box'");
    await until("it is repainted", () => ann.shows([255, 201, 201]));
    await ann.picture("sql-repaints");
    await scene.cluster.sql("delete from pgcanvas.shapes where id = 'box'");
    await until("it is gone", async () => !(await ann.shows([255, 201, 201])));
    expect(await shapes(room, "max(version)"), "nobody wrote back").toBe("1");
    expect(ann.complaints).toEqual([]);
    await ann.context.close();
  });

  it("drag as one gesture, and keep what the other did meanwhile", async () => {
    const room = await makeRoom(scene.cluster.at(0), "drag");
    const ann = await scene.come({ name: "Ann" });
    await ann.open(scene.cluster.at(0).url, room);
    await ann.draw("r", [400, 300], [600, 420]);
    await until("it is stored", async () => (await shapes(room)) === "1");
    const [seq, x] = [await lastSeq(room), Number(await shapes(room, "x"))];
    const page = ann.page;
    await page.mouse.move(400, 360);
    await page.mouse.down();
    for (let step = 1; step <= 10; step += 1) await page.mouse.move(400 + step * 10, 360);
    await scene.cluster.sql("update pgcanvas.shapes set stroke_color = '#2f9e44'");
    for (let step = 11; step <= 20; step += 1) await page.mouse.move(400 + step * 10, 360);
    await page.mouse.up();
    await until("it moved", async () => Math.abs(Number(await shapes(room, "x")) - x - 200) < 2);
    expect(await shapes(room, "stroke_color")).toBe("#2f9e44");
    expect((await lastSeq(room)) - seq, "batches: the other's and one drag").toBe(2);
    await until("the other's colour is seen", () => ann.shows([47, 158, 68]));
    await page.keyboard.press("Delete");
    await until("it is deleted", async () => (await shapes(room)) === "0");
    await ann.context.close();
  });

  it("write a text, bind an arrow and group, and it is all there after a reload", async () => {
    const room = await makeRoom(scene.cluster.at(0), "bound");
    const ann = await scene.come({ name: "Ann" });
    await ann.open(scene.cluster.at(0).url, room);
    await ann.draw("r", [300, 250], [450, 350]);
    await ann.page.keyboard.press("Enter");
    await ann.page.keyboard.type("hello");
    await ann.page.keyboard.press("Escape");
    await until("the text is stored", async () => (await shapes(room, "string_agg(text, '')")) === "hello");
    await ann.draw("r", [700, 250], [850, 350]);
    await ann.draw("a", [452, 300], [698, 300]);
    await until("the arrow is bound", async () => (await shapes(room, "count(props->'endBinding'->>'elementId')")) === "1");
    await ann.page.keyboard.press("Control+a");
    await ann.page.keyboard.press("Control+g");
    await until("they are a group", async () => (await shapes(room, "count(*) filter (where cardinality(group_ids) = 1)")) === "4");
    await ann.page.reload();
    await ann.says("Live");
    await until("it is painted", async () => (await ann.ink()) > 1000);
    await ann.picture("bound-after-reload");
    expect(ann.complaints).toEqual([]);
    await ann.context.close();
  });

  it("go on when a node is killed, and lose nothing", async () => {
    const room = await makeRoom(scene.cluster.at(0), "killed");
    const node = await scene.cluster.further();
    const port = Number(new URL(node.url).port);
    const ann = await scene.come({ name: "Ann" });
    await ann.open(node.url, room);
    await ann.draw("r", [400, 300], [500, 400]);
    await node.kill();
    await ann.draw("r", [550, 300], [650, 400]);
    await ann.draw("r", [700, 300], [800, 400]);
    await ann.says(/unsent/);
    await ann.picture("node-killed");
    await scene.cluster.further(port);
    await ann.says("Live");
    await until("all three are stored", async () => (await shapes(room)) === "3");
    await ann.context.close();
  });

  it("lose nothing when the tab is closed offline", async () => {
    const room = await makeRoom(scene.cluster.at(0), "offline");
    const wire = await Wire.to(scene.cluster.at(0).url);
    const ann = await scene.come({ name: "Ann" });
    await ann.open(wire.url, room);
    wire.cut();
    for (let row = 0; row < 50; row += 1) {
      const [x, y] = [300 + (row % 10) * 50, 200 + Math.floor(row / 10) * 60];
      await ann.draw("r", [x, y], [x + 35, y + 35], 2);
    }
    await ann.says(/50 unsent/);
    await ann.picture("offline");
    await ann.page.close();
    wire.mend();
    expect(await shapes(room), "nothing came through").toBe("0");
    await ann.newTab();
    await ann.open(wire.url, room);
    await until("all are stored once", async () => (await shapes(room)) === "50");
    await ann.picture("after-offline");
    expect(await scene.cluster.sql("select count(distinct client) from pgcanvas.shape_changes where room_id = (select id from pgcanvas.rooms where slug = 'offline')")).toBe("1");
    await ann.context.close();
    wire.close();
  });

  it("lose nothing when two tabs were closed offline and one is opened again", async () => {
    const room = await makeRoom(scene.cluster.at(0), "two-tabs");
    const node = await scene.cluster.further();
    const port = Number(new URL(node.url).port);
    const ann = await scene.come({ name: "Ann" });
    const tabs = [ann.page, await ann.newTab()];
    for (const tab of tabs) {
      ann.page = tab;
      await tab.bringToFront();
      await ann.open(node.url, room);
    }
    await node.kill();
    for (const [at, tab] of tabs.entries()) {
      ann.page = tab;
      await tab.bringToFront();
      await ann.draw("r", [300 + at * 200, 300], [400 + at * 200, 400]);
      await ann.says(/1 unsent/);
    }
    for (const tab of tabs) await tab.close();
    await scene.cluster.further(port);
    await ann.newTab();
    await ann.open(node.url, room);
    await until("both are stored", async () => (await shapes(room)) === "2");
    const clients = "select count(distinct client) from pgcanvas.shape_changes where room_id = (select id from pgcanvas.rooms where slug = 'two-tabs')";
    expect(await scene.cluster.sql(clients), "each under its own client").toBe("2");
    await ann.says("Live");
    await ann.context.close();
  });

  it("find their way from the start page, also on a phone and in the dark", async () => {
    const ann = await scene.come({ width: 390, height: 844, dark: true });
    await ann.page.goto(scene.cluster.at(0).url);
    await ann.page.getByLabel("Your name").fill("Ann");
    await ann.picture("start-phone-dark");
    await ann.page.getByLabel("New room").fill("by-phone");
    await ann.page.getByRole("button", { name: "Open" }).click();
    await ann.page.waitForSelector("canvas.interactive");
    await ann.says("Live");
    await ann.picture("room-phone-dark");
    expect(ann.complaints).toEqual([]);
    await ann.context.close();
    const bob = await scene.come();
    await bob.page.goto(scene.cluster.at(1).url);
    await bob.page.waitForSelector(".rooms a");
    await bob.picture("start");
    await bob.page.goto(`${scene.cluster.at(1).url}/r/no-such-room`);
    await until("it is said", async () => /no board “no-such-room” here/.test(await bob.page.innerText("body")));
    await bob.picture("no-such-room");
    await bob.page.goto(`${scene.cluster.at(1).url}/r/bound`);
    await bob.page.getByRole("button", { name: "Come in" }).waitFor();
    await bob.picture("introduction");
    await bob.context.close();
  });

  async function lastSeq(room: string): Promise<number> {
    return Number(await scene.cluster.sql(`select last_seq from pgcanvas.room_state('${room}')`));
  }
});
