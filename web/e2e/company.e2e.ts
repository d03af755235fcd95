import { describe, expect, it } from "vitest";
import { makeRoom } from "./node.js";
import { Person } from "./person.js";
import { Scene } from "./scene.js";
import { until } from "./until.js";

describe("in company", () => {
  const scene = new Scene(2);

  const shapes = (room: string, what: string) =>
    scene.cluster.sql(`select ${what} from pgcanvas.shapes where room_id = (select id from pgcanvas.rooms where slug = '${room}')`);
  const kinds = (room: string) => shapes(room, "string_agg(kind, ' ' order by kind)");

  /** Ann on one node and Bob on the other, each seeing that the other is there. */
  async function both(slug: string): Promise<{ room: string; ann: Person; bob: Person }> {
    const room = await makeRoom(scene.cluster.at(0), slug);
    const [ann, bob] = [await scene.come({ name: "Ann" }), await scene.come({ name: "Bob" })];
    await ann.open(scene.cluster.at(0).url, room);
    await bob.open(scene.cluster.at(1).url, room);
    for (const one of [ann, bob]) await until("both are there", async () => (await people(one)) === 2);
    return { room, ann, bob };
  }

  const people = (person: Person) => person.page.locator(".UserList__collaborator--avatar-only").count();

  async function leave(...gone: Person[]): Promise<void> {
    expect(gone.flatMap(({ complaints }) => complaints)).toEqual([]);
    for (const { context } of gone) await context.close();
  }

  it("what each tool draws is seen by the other", async () => {
    const { room, ann, bob } = await both("tools");
    const tools = [["r", "rectangle"], ["d", "diamond"], ["o", "ellipse"], ["a", "arrow"], ["l", "line"], ["p", "freedraw"], ["f", "frame"]] as const;
    let seen = await bob.ink();
    for (const [at, [key, kind]] of tools.entries()) {
      const [x, y] = [260 + (at % 4) * 170, 180 + Math.floor(at / 4) * 200];
      await ann.draw(key, [x, y], [x + 120, y + 110]);
      await until(`the ${kind} is a row`, async () => (await kinds(room)).includes(kind));
      await until(`Bob sees the ${kind}`, async () => (await bob.ink()) > seen + 50);
      seen = await bob.ink();
    }
    await ann.page.keyboard.press("t");
    await ann.page.mouse.click(820, 440);
    await ann.page.keyboard.type("a word");
    await ann.page.keyboard.press("Escape");
    await until("the text is a row", async () => (await shapes(room, "string_agg(text, '')")) === "a word");
    await until("Bob sees the text", async () => (await bob.ink()) > seen + 20);
    await ann.page.keyboard.press("Escape");
    await bob.picture("tools");
    seen = await bob.ink();
    await ann.draw("e", [800, 452], [900, 452]);
    await until("the eraser takes it away", async () => !(await kinds(room)).includes("text"));
    await until("Bob sees it go", async () => (await bob.ink()) < seen - 20);
    await leave(ann, bob);
  });

  it("a box that is made taller while somebody writes in it stays so, for them too, also when they write again", async () => {
    const { room, ann, bob } = await both("taller");
    const { mouse, keyboard } = ann.page;
    const box = (what: string) => scene.cluster.sql(`select ${what} from pgcanvas.board_shapes where room = '${room}' and kind = 'rectangle'`);
    const text = () => scene.cluster.sql(`select text from pgcanvas.board_shapes where room = '${room}' and kind = 'text'`);
    const alike = async () => (await ann.ink()) > 0 && Math.abs((await ann.ink()) - (await bob.ink())) < 40;
    const taller = (height: number) => scene.cluster.sql(`update pgcanvas.shapes set height = ${String(height)} where kind = 'rectangle' and room_id = (select id from pgcanvas.rooms where slug = '${room}')`);
    await ann.draw("r", [300, 200], [500, 300]);
    await keyboard.press("Enter");
    await keyboard.type("hi");
    await until("it is stored", async () => (await text()) === "hi");
    const before = await bob.ink();
    await taller(300);
    await until("Bob sees it", async () => (await bob.ink()) > before + 100);
    await keyboard.type(" there");
    await keyboard.press("Escape");
    await until("what she wrote is stored", async () => (await text()) === "hi there");
    await until("both see the same", alike);
    await taller(400);
    await until("both see the same, taller", async () => (await bob.ink()) > before + 300 && (await alike()));
    await keyboard.press("Escape");
    await mouse.dblclick(400, 400);
    await keyboard.press("End");
    await keyboard.type(", you");
    await until("that is stored, too", async () => (await text()) === "hi there, you");
    await keyboard.press("Escape");
    await until("both see the same again", alike);
    expect(await box("height")).toBe("400");
    await leave(ann, bob);
  });

  it("what is pulled open, dragged and resized is seen while it lasts, and is one batch each", async () => {
    const { room, ann, bob } = await both("live-drag");
    const { mouse, keyboard } = ann.page;
    const batches = async () => Number(await scene.cluster.sql(`select last_seq from pgcanvas.room_state('${room}')`));
    /** Moves on until Bob sees what he should. */
    const pull = async (from: number, y: number, what: string, seen: () => Promise<boolean>) => {
      let x = from;
      await until(what, async () => {
        x = Math.min(x + 20, from + 300);
        await mouse.move(x, y);
        return seen();
      });
      await mouse.move(from + 300, y);
      await mouse.up();
    };
    await keyboard.press("r");
    await mouse.move(300, 300);
    await mouse.down();
    await pull(300, 400, "Bob sees a shape come", async () => (await bob.ink()) > 300 && (await batches()) === 0);
    await bob.picture("pulled-open");
    await until("it is stored, as one batch", async () => (await batches()) === 1 && (await kinds(room)) === "rectangle");
    const [left, width] = [await bob.left(), Number(await shapes(room, "width"))];
    await mouse.move(300, 350);
    await mouse.down();
    await pull(300, 350, "Bob sees it on its way", async () => (await bob.left()) > left + 40 && (await batches()) === 1);
    await bob.picture("drag-on-its-way");
    await until("the drag is stored, as one batch", async () => (await batches()) === 2);
    await until("where it was let go", async () => Math.abs((await bob.left()) - left - 300) < 3);
    const right = await bob.left(true);
    await mouse.move(904, 404);
    await mouse.down();
    await pull(904, 420, "Bob sees it grow", async () => (await bob.left(true)) > right + 30 && (await batches()) === 2);
    await until("the resize is stored, as one batch", async () => (await batches()) === 3 && Number(await shapes(room, "width")) > width + 200);
    await leave(ann, bob);
  });

  it("two change different properties of one shape, and both stay", async () => {
    const { room, ann, bob } = await both("properties");
    await ann.draw("r", [400, 300], [560, 420]);
    await until("Bob sees it", async () => (await bob.ink()) > 300);
    await bob.page.mouse.click(400, 360);
    await ann.page.mouse.move(400, 360);
    await ann.page.mouse.down();
    await ann.page.mouse.move(450, 380);
    await bob.page.locator('[data-testid="color-top-pick-#e03131"]').first().click();
    await until("Bob's colour is stored", async () => (await shapes(room, "stroke_color")) === "#e03131");
    const x = Number(await shapes(room, "x"));
    await ann.page.mouse.move(600, 420, { steps: 5 });
    await ann.page.mouse.up();
    await until("Ann's place is stored", async () => Math.abs(Number(await shapes(room, "x")) - x - 200) < 3);
    expect(await shapes(room, "stroke_color"), "and Bob's colour stays").toBe("#e03131");
    for (const one of [ann, bob]) await until("both see red", () => one.shows([224, 49, 49]));
    await leave(ann, bob);
  });

  it("two take turns in a strict room, and what was done unaware of the other is taken back, and said", async () => {
    const room = await makeRoom(scene.cluster.at(0), "strict", { policy: "strict" });
    const node = await scene.cluster.further();
    const [ann, bob] = [await scene.come({ name: "Ann" }), await scene.come({ name: "Bob" })];
    await ann.open(node.url, room);
    await bob.open(scene.cluster.at(0).url, room);
    await ann.draw("r", [400, 300], [560, 420]);
    await until("Bob sees it", async () => (await bob.ink()) > 300);
    const [x, width] = (await shapes(room, "x, width")).split("|").map(Number) as [number, number];
    // Drawn, coloured and moved by one after the other, faster than the server answers.
    await ann.page.locator('[data-testid="color-top-pick-#2f9e44"]').first().click();
    await ann.page.keyboard.press("ArrowRight");
    await ann.page.keyboard.press("ArrowRight");
    // In as many batches as the page makes of it: a busy machine may gather all into one.
    await until("all is stored", async () => (await shapes(room, `stroke_color, x = ${x + 2}`)) === "#2f9e44|t");
    await until("Bob sees green", () => bob.shows([47, 158, 68]));
    await bob.page.mouse.click(403, 360);
    await bob.page.locator('[data-testid="color-top-pick-#e03131"]').first().click();
    await until("Ann sees red", () => ann.shows([224, 49, 49]));
    await node.kill();
    await ann.page.locator('[data-testid="color-top-pick-#1971c2"]').first().click();
    await ann.says(/1 unsent/);
    await bob.page.locator('[data-testid="color-top-pick-#f08c00"]').first().click();
    await until("Bob's colour is stored", async () => (await shapes(room, "stroke_color")) === "#f08c00");
    await scene.cluster.further(Number(new URL(node.url).port));
    await until("Ann is told", async () => /Somebody else changed that before you/.test(await ann.page.locator(".Toast").innerText()));
    await ann.picture("conflict");
    await until("Ann sees Bob's colour", () => ann.shows([240, 140, 0]));
    expect(await shapes(room, "stroke_color")).toBe("#f08c00");
    expect(Number(await shapes(room, "width"))).toBe(width);
    await ann.draw("o", [700, 300], [800, 400]);
    await until("Ann goes on", async () => (await kinds(room)) === "ellipse rectangle");
    await bob.context.close();
    await ann.context.close();
  });

  it("a cursor with its name comes and goes, and whom one follows is looked at", async () => {
    const { room, ann, bob } = await both("cursors");
    await ann.draw("r", [500, 300], [700, 450]);
    await until("it is stored", async () => (await kinds(room)) === "rectangle");
    await until("Bob sees a cursor", async () => (await bob.ink("interactive")) > 50);
    await bob.picture("cursor");
    await bob.page.locator(".UserList__collaborator--avatar-only").filter({ hasText: "A" }).first().click();
    await until("it is said whom he follows", async () => (await bob.page.locator(".follow-mode").innerText()).includes("Ann"));
    await until("Bob sees it", async () => (await bob.ink()) > 300);
    await ann.page.keyboard.press("Escape");
    await ann.page.mouse.wheel(0, 5000);
    await until("Bob looks where Ann looks", async () => (await bob.ink()) === 0);
    await bob.picture("following");
    await ann.page.mouse.wheel(0, -5000);
    await until("and comes back with her", async () => (await bob.ink()) > 300);
    await ann.context.close();
    await until("she is gone", async () => (await people(bob)) < 2);
    await until("and so is her cursor", async () => (await bob.ink("interactive")) === 0);
    await leave(bob);
  });
});
