import { describe, expect, it } from "vitest";
import { makeRoom } from "./node.js";
import { Scene } from "./scene.js";
import { until } from "./until.js";

/** As programs write them: the label names its box and the arrow its ends, and nobody wrote the other half. */
const HALVES = [
  { id: "box", kind: "rectangle", x: 300, y: 300, width: 160, height: 80 },
  { id: "lab", kind: "text", x: 330, y: 325, width: 60, height: 25, text: "Label", font_size: 20, container_id: "box" },
  { id: "to", kind: "rectangle", x: 700, y: 300, width: 120, height: 80 },
  {
    id: "arr", kind: "arrow", x: 465, y: 340, width: 230, height: 0, points: [[0, 0], [230, 0]],
    props: { startBinding: { elementId: "box" }, endBinding: { elementId: "to", focus: 0, gap: 5 }, endArrowhead: "arrow" },
  },
];

describe("rows that refer to others one way", () => {
  const scene = new Scene(1);
  const draw = (room: string, shapes: readonly object[]) =>
    scene.cluster.sql(`select pgcanvas.draw('${room}', '${JSON.stringify(shapes.map((shape) => ({ op: "put", shape })))}')`);

  for (const order of ["before", "after"] as const) {
    it(`are dragged together, for everybody, drawn ${order} the board was opened`, async () => {
      const room = await makeRoom(scene.cluster.at(0), `halves-${order}`);
      const ann = await scene.come({ name: "Ann" });
      const at = (id: string, what: string) => scene.cluster.sql(`select ${what} from pgcanvas.board_shapes where room = '${room}' and id = '${id}'`);
      if (order === "before") await draw(room, HALVES);
      await ann.open(scene.cluster.at(0).url, room);
      // What refers comes first: its other half is there later.
      if (order === "after") for (const shape of [...HALVES].reverse()) await draw(room, [shape]);
      await until("they are seen", async () => (await ann.ink()) > 1000);
      await ann.page.keyboard.press("Shift+Digit1");
      await ann.says("Live");
      expect(await scene.cluster.sql(`select sum(version) from pgcanvas.board_shapes where room = '${room}'`), "nothing was told").toBe("4");
      const edge = await ann.left();
      const rows = await ann.page.locator("canvas.static").evaluate((canvas: HTMLCanvasElement, x) => {
        const { data, width, height } = canvas.getContext("2d")!.getImageData(0, 0, canvas.width, canvas.height);
        return Array.from({ length: height }, (_, y) => y).filter((y) => [0, 1, 2].some((part) => data[(y * width + x + 1) * 4 + part] !== data[part]));
      }, edge);
      const middle = rows[Math.floor(rows.length / 2)] ?? 0;
      await ann.draw("v", [edge + 1, middle], [edge + 1, middle + 150]);
      await until("the box is moved", async () => Number(await at("box", "y")) > 350);
      await until("its label is with it", async () => Math.abs(Number(await at("lab", "y")) - Number(await at("box", "y")) - 25) < 20);
      await until("its arrow begins at it", async () => Number(await at("arr", "y")) > 350);
      const far = Number(await at("arr", "y + points[array_length(points, 1)][2]"));
      expect(far > 290 && far < 390, `and ends where it did: ${far}`).toBe(true);
      await ann.picture(`halves-${order}`);
      const bob = await scene.come({ name: "Bob" });
      await bob.open(scene.cluster.at(0).url, room);
      await until("Bob sees the same", async () => Math.abs((await bob.ink()) - (await ann.ink())) < 3000);
      await bob.picture(`halves-${order}-other`);
      await ann.page.keyboard.press("Control+z");
      await until("one undo brings all of it back", async () => (await at("box", "y")) === "300" && (await at("lab", "y")) === "325" && (await at("arr", "y")) === "340");
      expect([...ann.complaints, ...bob.complaints]).toEqual([]);
      for (const { context } of [ann, bob]) await context.close();
    });
  }
});
