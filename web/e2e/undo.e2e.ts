import { describe, expect, it } from "vitest";
import { makeRoom } from "./node.js";
import { Scene } from "./scene.js";
import { until } from "./until.js";

describe("undo", () => {
  const scene = new Scene(2);

  const kinds = (room: string) => scene.cluster.sql(`select string_agg(kind, ' ' order by kind) from pgcanvas.board_shapes where room = '${room}'`);
  const places = (room: string) => scene.cluster.sql(`select round(x) || ' ' || stroke_color from pgcanvas.board_shapes where room = '${room}'`);

  it("takes back one's own work, by keys and by buttons, also after a reload, and leaves the other's", async () => {
    const room = await makeRoom(scene.cluster.at(0), "undo-two");
    const [ann, bob] = [await scene.come({ name: "Ann" }), await scene.come({ name: "Bob" })];
    await ann.open(scene.cluster.at(0).url, room);
    await bob.open(scene.cluster.at(1).url, room);
    await ann.draw("r", [300, 250], [420, 340]);
    await until("Ann's is stored", async () => (await kinds(room)) === "rectangle");
    await bob.draw("o", [600, 250], [720, 340]);
    await until("Bob's is stored", async () => (await kinds(room)) === "ellipse rectangle");
    await until("Ann sees it", async () => (await ann.ink()) > 1000);
    const both = await bob.ink();

    await ann.page.keyboard.press("Control+z");
    await until("Ann's own is gone", async () => (await kinds(room)) === "ellipse");
    await until("Bob sees it go", async () => (await bob.ink()) < both - 200);
    await ann.page.keyboard.press("Control+z");
    await ann.page.keyboard.press("Control+Shift+z");
    await until("it is there again", async () => (await kinds(room)) === "ellipse rectangle");
    await until("Bob sees it come", async () => Math.abs((await bob.ink()) - both) < 100);

    await ann.page.reload();
    await ann.says("Live");
    await until("it is painted", async () => (await ann.ink()) > 1000);
    await ann.page.getByTestId("button-undo").click();
    await until("the button takes it back after a reload", async () => (await kinds(room)) === "ellipse");
    await ann.page.getByTestId("button-redo").click();
    await until("and does it again", async () => (await kinds(room)) === "ellipse rectangle");
    await until("it is painted again", async () => (await ann.ink()) > 1000);
    await ann.picture("undo-buttons");
    expect([...ann.complaints, ...bob.complaints]).toEqual([]);
    await ann.context.close();
    await bob.context.close();
  });

  it("takes a whole drag back, and keeps the colour that somebody else gave it meanwhile", async () => {
    const room = await makeRoom(scene.cluster.at(0), "undo-drag");
    const ann = await scene.come({ name: "Ann" });
    await ann.open(scene.cluster.at(0).url, room);
    await ann.draw("r", [400, 300], [600, 420]);
    await until("it is stored", async () => (await kinds(room)) === "rectangle");
    const before = await places(room);
    await ann.draw("v", [400, 360], [600, 360]);
    await until("it moved", async () => (await places(room)) !== before);
    await scene.cluster.sql(`update pgcanvas.shapes set stroke_color = '#2f9e44' where room_id = (select id from pgcanvas.rooms where slug = '${room}')`);
    await until("the colour is seen", () => ann.shows([47, 158, 68]));
    await ann.page.keyboard.press("Control+z");
    await until("one undo took the drag back, and it alone", async () => (await places(room)) === before.replace("#1e1e1e", "#2f9e44"));
    await ann.page.keyboard.press("Control+y");
    await until("and redo drags again", async () => !(await places(room)).startsWith(before.split(" ")[0]!));
    expect(await places(room)).toContain("#2f9e44");
    expect(ann.complaints).toEqual([]);
    await ann.context.close();
  });

  it("takes a stroke back as one, however many batches it came in", async () => {
    const room = await makeRoom(scene.cluster.at(0), "undo-stroke");
    const ann = await scene.come({ name: "Ann" });
    await ann.open(scene.cluster.at(0).url, room);
    await ann.draw("r", [300, 250], [420, 340]);
    await until("it is stored", async () => (await kinds(room)) === "rectangle");
    const batches = async () => Number(await scene.cluster.sql(`select batches from pgcanvas.room_activity where room = '${room}'`));
    await ann.page.keyboard.press("p");
    await ann.page.mouse.move(500, 300);
    await ann.page.mouse.down();
    for (let x = 510; (await batches()) < 5; x += 5) await ann.page.mouse.move(x, 300 + (x % 40));
    await ann.page.mouse.up();
    await ann.says("Live");
    await until("it is whole", async () => (await kinds(room)) === "freedraw rectangle");
    await ann.page.keyboard.press("Control+z");
    await until("the stroke is gone, and it alone", async () => (await kinds(room)) === "rectangle");
    await ann.page.keyboard.press("Control+Shift+z");
    await until("it is whole again", async () => (await kinds(room)) === "freedraw rectangle");
    expect(ann.complaints).toEqual([]);
    await ann.context.close();
  });

  it("leaves alone what is in hand: a line of points, a stroke and a shape are whole when they are done", async () => {
    const room = await makeRoom(scene.cluster.at(0), "undo-in-hand");
    const ann = await scene.come({ name: "Ann" });
    await ann.open(scene.cluster.at(0).url, room);
    await ann.draw("r", [800, 200], [900, 300]);
    await until("it is stored", async () => (await kinds(room)) === "rectangle");

    await ann.page.keyboard.press("l");
    for (const [x, y] of [[400, 200], [500, 300], [600, 200]] as const) await ann.page.mouse.click(x, y, { delay: 20 });
    await ann.page.keyboard.press("Control+z");
    await until("she is told why", async () => (await ann.page.locator(".Toast").innerText()).includes("Finish what you are drawing"));
    await ann.page.mouse.click(700, 400, { delay: 20 });
    await ann.page.keyboard.press("Escape");
    await until("the line is stored beside the box", async () => (await kinds(room)) === "line rectangle");

    await ann.page.keyboard.press("p");
    await ann.page.mouse.move(300, 500);
    await ann.page.mouse.down();
    await ann.page.mouse.move(450, 550, { steps: 10 });
    await ann.page.keyboard.press("Control+z");
    await ann.page.keyboard.press("Control+Shift+z");
    await ann.page.mouse.move(600, 600, { steps: 10 });
    await ann.page.mouse.up();
    await ann.says("Live");
    await until("the stroke is stored beside them", async () => (await kinds(room)) === "freedraw line rectangle");

    await ann.page.keyboard.press("o");
    await ann.page.mouse.move(300, 200);
    await ann.page.mouse.down();
    await ann.page.mouse.move(350, 250, { steps: 5 });
    await ann.page.keyboard.press("Control+z");
    await ann.page.mouse.move(380, 280, { steps: 5 });
    await ann.page.mouse.up();
    await until("the ellipse is stored beside them", async () => (await kinds(room)) === "ellipse freedraw line rectangle");

    for (const left of ["freedraw line rectangle", "line rectangle", "rectangle"]) {
      await ann.page.keyboard.press("Control+z");
      await until(`an undo takes one of them back: ${left} are left`, async () => (await kinds(room)) === left);
    }
    expect(ann.complaints).toEqual([]);
    await ann.context.close();
  });
});
