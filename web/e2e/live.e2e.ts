import { describe, expect, it } from "vitest";
import { makeRoom } from "./node.js";
import { Scene } from "./scene.js";
import { until } from "./until.js";
import { Wire } from "./wire.js";

describe("what the page says while one draws", () => {
  const scene = new Scene(1);
  const count = (room: string, what = "count(*)") => scene.cluster.sql(`select ${what} from pgcanvas.shapes where room_id = (select id from pgcanvas.rooms where slug = '${room}')`);

  it("is not “Live” when nothing is stored any more, however one draws on", async () => {
    const room = await makeRoom(scene.cluster.at(0), "not-live");
    const wire = await Wire.to(scene.cluster.at(0).url);
    const ann = await scene.come({ name: "Ann" });
    await ann.open(wire.url, room);
    await ann.draw("p", [300, 200], [500, 220]);
    await until("the first is stored", async () => (await count(room)) === "1");
    await ann.says("Live");
    wire.cut();
    const pill = ann.page.locator(".status-pill[role=status]:visible").first();
    const begun = Date.now();
    let saidAfter: number | undefined;
    for (let row = 0; row < 40 && saidAfter === undefined; row += 1) {
      await ann.draw("p", [300, 240 + row * 10], [500, 250 + row * 10], 4);
      if (/unsent/.test(await pill.innerText())) saidAfter = Date.now() - begun;
    }
    expect(saidAfter, "it is told while one draws").toBeDefined();
    console.info(`it said so ${String(saidAfter)} ms after the wire was cut`);
    await ann.picture("not-live");
    wire.close();
    await ann.context.close();
  });
});
