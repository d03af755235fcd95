import { describe, expect, it } from "vitest";
import { makeRoom } from "./node.js";
import type { Person } from "./person.js";
import { Scene } from "./scene.js";
import { until } from "./until.js";

/** Keys of the component that write a state back, and with it that it is loading. */
const KEYS = ["f", "Escape", "h", "e"];

describe("a board that is not there yet", () => {
  const scene = new Scene(1);
  const count = (room: string, kind: string) => scene.cluster.sql(`select count(*) from pgcanvas.board_shapes where room = '${room}' and kind = '${kind}'`);

  /** Presses a key all the time while the page loads: in every moment in which the component could hear it, and on every stage of its way. */
  async function impatient(person: Person): Promise<void> {
    await person.context.addInitScript((keys) => {
      let [turn, over] = [0, 0];
      const press = () => {
        const pill = document.querySelector(".status-pill[role=status]");
        if (pill?.textContent === "Live") over += 1;
        const key = keys[turn % keys.length]!;
        turn += 1;
        if (document.querySelector(".excalidraw")) document.dispatchEvent(new KeyboardEvent("keydown", { key, code: key.length === 1 ? `Key${key.toUpperCase()}` : key, bubbles: true, cancelable: true }));
        if (over < 3) port.port2.postMessage(0);
      };
      const port = new MessageChannel();
      port.port1.onmessage = press;
      port.port2.postMessage(0);
    }, KEYS);
  }

  it("hears no key, however slow it comes: what is drawn on it is stored", async () => {
    const room = await makeRoom(scene.cluster.at(0), "early");
    await scene.cluster.sql(`select pgcanvas.draw('${room}', '[{"op":"put","shape":{"id":"before","kind":"rectangle","x":500,"y":200,"width":60,"height":40}}]')`);
    const ann = await scene.come({ name: "Ann" });
    await impatient(ann);
    const slow = await ann.context.newCDPSession(ann.page);
    await slow.send("Emulation.setCPUThrottlingRate", { rate: 6 });
    await ann.open(scene.cluster.at(0).url, room);
    for (let time = 1; time <= KEYS.length; time += 1) {
      await ann.page.keyboard.press(KEYS[time - 1]!);
      await until("the row is seen", async () => (await ann.ink()) > 100);
      await ann.draw("d", [300, 400], [600, 650]);
      await until("what she draws is stored", async () => (await count(room, "diamond")) === String(time));
      await ann.page.reload();
      await ann.says("Live");
    }
    expect(ann.complaints).toEqual([]);
    await ann.context.close();
  });
});
