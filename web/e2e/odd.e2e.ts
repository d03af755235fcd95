import { describe, expect, it } from "vitest";
import { makeRoom } from "./node.js";
import { Scene } from "./scene.js";
import { until } from "./until.js";

/** Rows that PostgreSQL keeps, and that the component by itself does not survive. */
const ODD: readonly object[] = [
  { id: "i1", kind: "rectangle", x: 300, y: 200, width: 60, height: 40, index: "6" },
  { id: "i2", kind: "rectangle", x: 400, y: 200, width: 60, height: 40, index: "zz" },
  { id: "i3", kind: "rectangle", x: 500, y: 200, width: 60, height: 40 },
  { id: "p1", kind: "line", x: 300, y: 300, width: 60, height: 40, points: [] },
  { id: "p2", kind: "arrow", x: 400, y: 300, width: 60, height: 40, points: [] },
  { id: "n1", kind: "frame", x: 500, y: 300, width: 60, height: 40, props: { name: {} } },
  { id: "k1", kind: "__proto__", x: 600, y: 200, width: 60, height: 40 },
  { id: "k2", kind: "hasOwnProperty", x: 600, y: 300, width: 60, height: 40 },
  { id: "b1", kind: "ellipse", x: 700, y: 200, width: 60, height: 40, props: { boundElements: "zz" } },
  { id: "b2", kind: "ellipse", x: 700, y: 300, width: 60, height: 40, props: { boundElements: [null] } },
  { id: "o1", kind: "rectangle", x: 800, y: 200, width: 60, height: 40, props: { hasOwnProperty: 5, toString: 1, constructor: {} } },
  { id: "o2", kind: "rectangle", x: 800, y: 300, width: 60, height: 40, props: { strokeWidth: 1e9, roughness: 1e10, opacity: -5 } },
  { id: "f1", kind: "frame", x: 300, y: 400, width: 60, height: 40, frame_id: "f2" },
  { id: "f2", kind: "frame", x: 400, y: 400, width: 60, height: 40, frame_id: "f1" },
  { id: "h1", kind: "rectangle", x: -1e6, y: 900, width: 2e6, height: 1e6, background_color: "#ffc9c9", fill_style: "hachure" },
];

describe("rows of every kind", () => {
  const scene = new Scene(1);
  const count = (room: string) => scene.cluster.sql(`select count(*), sum(version) from pgcanvas.board_shapes where room = '${room}'`);
  const draw = (room: string) =>
    scene.cluster.sql(`select pgcanvas.draw('${room}', '${JSON.stringify(ODD.map((shape) => ({ op: "put", shape })))}')`);

  it("leave an open board to those who draw on it", async () => {
    const room = await makeRoom(scene.cluster.at(0), "odd-rows");
    const ann = await scene.come({ name: "Ann" });
    await ann.open(scene.cluster.at(0).url, room);
    await draw(room);
    await until("they are seen", async () => (await ann.ink()) > 1000);
    await ann.draw("o", [850, 200], [950, 300]);
    await until("what she draws is stored, and nothing else is changed", async () => (await count(room)) === `${ODD.length + 1}|${ODD.length + 1}`);
    expect(ann.complaints).toEqual([]);
    await ann.context.close();
  });

  it("are there when a board is opened", async () => {
    const room = await makeRoom(scene.cluster.at(0), "odd-before");
    await draw(room);
    const ann = await scene.come({ name: "Ann" });
    await ann.open(scene.cluster.at(0).url, room);
    await ann.page.keyboard.press("Shift+Digit1");
    await ann.draw("r", [350, 350], [450, 450]);
    await until("what she draws is stored, and nothing else is changed", async () => (await count(room)) === `${ODD.length + 1}|${ODD.length + 1}`);
    await ann.picture("odd");
    expect(ann.complaints).toEqual([]);
    await ann.context.close();
  });

  it("lie on each other as they say, whatever came first", async () => {
    const room = await makeRoom(scene.cluster.at(0), "order");
    const ann = await scene.come({ name: "Ann" });
    await ann.open(scene.cluster.at(0).url, room);
    const put = (id: string, index: string, colour: string, more: object) => {
      const shape = { id, index, kind: "rectangle", x: 400, y: 300, width: 200, height: 150, background_color: colour, stroke_color: "#ffffff", fill_style: "solid", ...more };
      return scene.cluster.sql(`select pgcanvas.draw('${room}', '${JSON.stringify([{ op: "put", shape }])}')`);
    };
    await put("b", "a1", "#b2f2bb", { x: 100 });
    await put("c", "a1", "#ffc9c9", {});
    await until("both are seen", async () => (await ann.shows([178, 242, 187])) && (await ann.shows([255, 201, 201])));
    await put("d", "a1V", "#a5d8ff", { x: 380, y: 280, width: 240, height: 190 });
    await until("the third lies on the second", async () => (await ann.shows([165, 216, 255])) && !(await ann.shows([255, 201, 201])));
    await ann.draw("o", [850, 500], [950, 600]);
    await until("what she draws is stored", async () => (await count(room)) === "4|4");
    const bob = await scene.come({ name: "Bob" });
    await bob.open(scene.cluster.at(0).url, room);
    await until("so it does for who comes later", async () => (await bob.shows([165, 216, 255])) && !(await bob.shows([255, 201, 201])));
    expect([...ann.complaints, ...bob.complaints]).toEqual([]);
    for (const { context } of [ann, bob]) await context.close();
  });
});
