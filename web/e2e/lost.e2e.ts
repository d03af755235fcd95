import { describe, expect, it } from "vitest";
import { makeRoom } from "./node.js";
import type { Person } from "./person.js";
import { Scene } from "./scene.js";
import { until } from "./until.js";

describe("what somebody deletes while another has it in hand", () => {
  const scene = new Scene(1);
  const rows = (room: string, what: string) => scene.cluster.sql(`select coalesce(string_agg(${what}, ' ' order by kind), '') from pgcanvas.board_shapes where room = '${room}'`);
  const wipe = (room: string) => scene.cluster.sql(`delete from pgcanvas.shapes where room_id = (select id from pgcanvas.rooms where slug = '${room}')`);
  const told = (person: Person, what: string) => until("it is said", async () => (await person.page.locator(".Toast").allInnerTexts()).join().includes(what));

  it("is there again with all its points, where it is a stroke that is drawn on", async () => {
    const room = await makeRoom(scene.cluster.at(0), "lost-stroke");
    const [ann, bob] = [await scene.come({ name: "Ann" }), await scene.come({ name: "Bob" })];
    await ann.open(scene.cluster.at(0).url, room);
    await bob.open(scene.cluster.at(0).url, room);
    const { mouse, keyboard } = bob.page;
    await keyboard.press("p");
    await mouse.move(300, 300);
    await mouse.down();
    for (let step = 1; step <= 40; step += 1) await mouse.move(300 + step * 5, 300 + (step % 7) * 10);
    await until("Ann sees it grow", async () => (await ann.ink()) > 100);
    await ann.page.keyboard.press("Control+a");
    await ann.page.keyboard.press("Delete");
    await until("it is deleted", async () => (await rows(room, "kind")) === "");
    await told(bob, "Somebody deleted the stroke that you are drawing");
    await bob.picture("lost-stroke");
    for (let step = 41; step <= 80; step += 1) await mouse.move(300 + step * 5, 300 + (step % 7) * 10);
    await until("it is there again before the pen is lifted", async () => (await rows(room, "kind")) === "freedraw");
    await mouse.up();
    await until("whole", async () => Number(await rows(room, "(width >= 395 and array_length(points, 1) >= 80)::int::text")) === 1);
    await until("Ann sees it again", async () => (await ann.ink()) > 200);
    await until("and Bob still", async () => (await bob.ink()) > 200);
    await bob.says("Live");
    await bob.page.keyboard.press("Control+z");
    await until("one undo takes it back", async () => (await rows(room, "kind")) === "");
    expect([...ann.complaints, ...bob.complaints]).toEqual([]);
    for (const one of [ann, bob]) await one.context.close();
  });

  it("is gone, and that is said, where it is a shape that is moved or made larger", async () => {
    const room = await makeRoom(scene.cluster.at(0), "lost-drag");
    const ann = await scene.come({ name: "Ann" });
    await ann.open(scene.cluster.at(0).url, room);
    const { mouse } = ann.page;
    for (const [what, from] of [["moved", [400, 360]], ["made larger", [604, 424]]] as const) {
      await ann.draw("r", [400, 300], [600, 420]);
      await until("it is stored", async () => (await rows(room, "kind")) === "rectangle");
      await mouse.move(from[0], from[1]);
      await mouse.down();
      for (let step = 1; step <= 10; step += 1) await mouse.move(from[0] + step * 8, from[1] + step * 4);
      await wipe(room);
      await told(ann, "Somebody deleted the shape that you have in hand: it is gone.");
      await ann.picture(`lost-${what.replace(" ", "-")}`);
      await mouse.move(from[0] + 90, from[1] + 50);
      await mouse.up();
      await until(`it is not seen any more, having been ${what}`, async () => (await ann.ink()) === 0);
      await ann.says("Live");
      expect(await rows(room, "kind")).toBe("");
      await ann.page.locator(".Toast button").first().click();
    }
    expect(ann.complaints).toEqual([]);
    await ann.context.close();
  });
});

describe("a text that somebody deletes while it is written", () => {
  const scene = new Scene(1);
  const texts = (room: string) => scene.cluster.sql(`select string_agg(kind || ' ' || coalesce(text, '-') || ' ' || (container_id is null), ', ' order by kind) from pgcanvas.board_shapes where room = '${room}'`);
  const told = (person: Person) => until("she is told", async () => (await person.page.locator(".Toast").allInnerTexts()).join().includes("Somebody deleted the text"));

  /** Everything on the board is selected and deleted. */
  async function wipe(person: Person): Promise<void> {
    await person.page.keyboard.press("Control+a");
    await person.page.keyboard.press("Delete");
  }

  it("is there again when it is written on, and what was typed in it", async () => {
    const room = await makeRoom(scene.cluster.at(0), "lost-text");
    const [ann, bob] = [await scene.come({ name: "Ann" }), await scene.come({ name: "Bob" })];
    await ann.open(scene.cluster.at(0).url, room);
    await bob.open(scene.cluster.at(0).url, room);
    await ann.page.keyboard.press("t");
    await ann.page.mouse.click(500, 300);
    await ann.page.keyboard.type("my long thought");
    await until("Bob sees it", async () => (await bob.ink()) > 100);
    await wipe(bob);
    await told(ann);
    expect(await texts(room)).toBe("");
    await ann.page.keyboard.type(" goes on");
    await until("the whole of it is there again", async () => (await texts(room)) === "text my long thought goes on true");
    await until("Bob sees it again", async () => (await bob.ink()) > 100);
    await ann.page.keyboard.press("Escape");
    await ann.says("Live");
    expect(await texts(room)).toBe("text my long thought goes on true");
    expect([...ann.complaints, ...bob.complaints]).toEqual([]);
    await ann.context.close();
    await bob.context.close();
  });

  it("stands by itself where it was in a box that is deleted, too", async () => {
    const room = await makeRoom(scene.cluster.at(0), "lost-label");
    const [ann, bob] = [await scene.come({ name: "Ann" }), await scene.come({ name: "Bob" })];
    await ann.open(scene.cluster.at(0).url, room);
    await bob.open(scene.cluster.at(0).url, room);
    await ann.draw("r", [400, 250], [700, 400]);
    await ann.page.keyboard.press("Enter");
    await ann.page.keyboard.type("label");
    await until("it is stored", async () => (await texts(room)) === "rectangle - true, text label false");
    await until("Bob sees it", async () => (await bob.ink()) > 1000);
    await wipe(bob);
    await told(ann);
    await ann.page.keyboard.type("led");
    await ann.page.keyboard.press("Escape");
    await until("the text is there again, without the box", async () => (await texts(room)) === "text labelled true");
    await until("Ann sees it", async () => (await ann.ink()) > 50);
    await ann.page.reload();
    await ann.says("Live");
    await until("and after a reload", async () => (await ann.ink()) > 50);
    expect([...ann.complaints, ...bob.complaints]).toEqual([]);
    await ann.context.close();
    await bob.context.close();
  });

  it("is gone where nothing more is written, and that was said", async () => {
    const room = await makeRoom(scene.cluster.at(0), "let-go");
    const ann = await scene.come({ name: "Ann" });
    await ann.open(scene.cluster.at(0).url, room);
    await ann.page.keyboard.press("t");
    await ann.page.mouse.click(500, 300);
    await ann.page.keyboard.type("never mind");
    await until("it is stored", async () => (await texts(room)) === "text never mind true");
    await scene.cluster.sql(`delete from pgcanvas.shapes where room_id = (select id from pgcanvas.rooms where slug = '${room}')`);
    await told(ann);
    await ann.page.keyboard.press("Escape");
    await until("it is not seen any more", async () => (await ann.ink()) === 0);
    await ann.says("Live");
    expect(await texts(room)).toBe("");
    expect(ann.complaints).toEqual([]);
    await ann.context.close();
  });
});
