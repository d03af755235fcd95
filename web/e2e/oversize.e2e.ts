import { randomUUID } from "node:crypto";
import { describe, expect, it } from "vitest";
import { makeRoom } from "./node.js";
import type { Person } from "./person.js";
import { Scene } from "./scene.js";
import { until } from "./until.js";

/** A stroke as a board may hold it, of which one frame does not hold the whole. */
const POINTS = Array.from({ length: 60_000 }, (_, at) => [Math.sin(at / 100) * 250 + 0.123456789012, Math.cos(at / 77) * 200 + 0.98765432101, 0.5]);

describe("a gesture that is larger than a frame", () => {
  const scene = new Scene(1);
  const rows = (room: string, what = "count(*)", which = "true") => scene.cluster.sql(`select ${what} from pgcanvas.shapes where room_id = (select id from pgcanvas.rooms where slug = '${room}') and ${which}`);

  /** Puts the long stroke on a board, in parts. */
  async function longStroke(room: string): Promise<void> {
    const client = randomUUID();
    const post = async (op_id: number, op: object) => {
      const answer = await fetch(`${scene.cluster.at(0).url}/api/rooms/${room}/ops`, { method: "POST", body: JSON.stringify({ client, op_id, ops: [op] }) });
      if (!answer.ok) throw new Error(await answer.text());
    };
    await post(1, { op: "put", shape: { id: "long", kind: "freedraw", x: 500, y: 400, width: 500, height: 400, points: POINTS.slice(0, 5000), props: { simulatePressure: false } } });
    for (let from = 5000; from < POINTS.length; from += 10_000) await post(2 + from / 5000, { op: "append", id: "long", points: POINTS.slice(from, from + 10_000) });
  }

  /** The sockets of a page that ended. */
  const endsOf = (person: Person) => {
    const ends: string[] = [];
    person.page.on("websocket", (socket) => socket.on("close", () => ends.push(socket.url())));
    return ends;
  };

  it("is cut up, undone as one, and holds up nothing", async () => {
    const room = await makeRoom(scene.cluster.at(0), "oversize");
    await longStroke(room);
    const before = await rows(room, "md5(points::text)", "id = 'long'");
    const ann = await scene.come({ name: "Ann" });
    const ends = endsOf(ann);
    await ann.open(scene.cluster.at(0).url, room);
    await until("it is seen", async () => (await ann.ink()) > 1000, 40_000);
    await ann.page.mouse.click(60, 760);
    await ann.page.keyboard.press("Control+a");
    await ann.page.keyboard.press("Shift+H");
    await until("it is flipped, and whole", async () => (await rows(room, "md5(points::text) <> '" + before + "' and array_length(points, 1) = 60000", "id = 'long'")) === "t", 60_000);
    await ann.says("Live");
    await ann.page.keyboard.press("Control+z");
    await until("one undo takes all of it back", async () => (await rows(room, "md5(points::text)", "id = 'long'")) === before, 60_000);
    await ann.page.keyboard.press("Control+a");
    await ann.page.keyboard.press("Control+d");
    await until("doubled, it is whole, too", async () => (await rows(room, "count(*)", "array_length(points, 1) = 60000")) === "2", 60_000);
    await ann.page.keyboard.press("Escape");
    await ann.draw("r", [900, 600], [980, 680]);
    await until("what is drawn afterwards is stored", async () => (await rows(room, "count(*)", "kind = 'rectangle'")) === "1");
    await ann.says("Live");
    await ann.picture("oversize");
    expect([ends, ann.complaints]).toEqual([[], []]);
    await ann.context.close();
  });

  it("does not lock out a browser whose earlier page kept it", async () => {
    const room = await makeRoom(scene.cluster.at(0), "kept-oversize");
    await longStroke(room);
    const ann = await scene.come({ name: "Ann" });
    await ann.open(scene.cluster.at(0).url, room);
    await until("it is seen", async () => (await ann.ink()) > 1000, 40_000);
    // As an earlier version of the page left it: one op of 2.6 MB, one that no cutting helps, and what was drawn after them.
    await ann.page.evaluate(async (name) => {
      const client = sessionStorage.getItem("pgcanvas.client");
      const points = Array.from({ length: 60_000 }, (_, at) => [-Math.sin(at / 100) * 250 - 0.123456789012, Math.cos(at / 77) * 200 + 0.98765432101, 0.5]);
      const ops = [
        [{ op: "patch", id: "long", set: { points }, base: 7 }],
        [{ op: "patch", id: "long", set: { props: { blob: "x".repeat(2_500_000) } } }],
        [{ op: "put", shape: { id: "later", kind: "ellipse", x: 100, y: 300, width: 80, height: 80 } }],
      ];
      const opening = indexedDB.open("pgcanvas");
      await new Promise((resolve) => { opening.onsuccess = resolve; });
      const transaction = opening.result.transaction("queue", "readwrite");
      for (const [at, batch] of ops.entries()) transaction.objectStore("queue").put({ room: name, client, op_id: at + 1, verb: "ops", ops: batch, kept_at_ms: Date.now() });
      await new Promise((resolve) => { transaction.oncomplete = resolve; });
    }, room);
    await ann.page.reload();
    await until("what came after it is stored", async () => (await rows(room, "count(*)", "id = 'later'")) === "1", 60_000);
    await until("and it, too, in pieces", async () => (await rows(room, "array_length(points, 1) = 60000 and points[2][1] < 0", "id = 'long'")) === "t", 60_000);
    await ann.says("Live");
    await until("what could not be stored is told", async () => (await ann.page.locator(".Toast").allInnerTexts()).join().includes("A stroke is larger than this board takes"));
    await ann.picture("oversize-refused");
    await ann.page.reload();
    await ann.says("Live");
    await ann.draw("r", [900, 600], [980, 680]);
    await until("the browser draws as ever", async () => (await rows(room, "count(*)", "kind = 'rectangle'")) === "1");
    expect(ann.complaints).toEqual([]);
    await ann.context.close();
  });
});
