import { describe, expect, it } from "vitest";
import { makeRoom } from "./node.js";
import { Person } from "./person.js";
import { Scene } from "./scene.js";
import { until } from "./until.js";

const SHAPES = 5000;
/** Far more than a smooth board takes, even on a slow machine without a graphics card; what it takes is reported. */
const SLOWEST_MEDIAN_MS = 400;

describe(`${SHAPES} shapes`, () => {
  const scene = new Scene(1);

  /** How long each picture took while this was done: median, 95th of a hundred, longest, in milliseconds. */
  async function frames(person: Person, what: () => Promise<void>): Promise<{ median: number; p95: number; longest: number; count: number }> {
    await person.page.evaluate(() => {
      const times: number[] = [];
      Object.assign(window, { frameTimes: times, measuring: true });
      const next = (at: number) => {
        times.push(at);
        if ((window as unknown as { measuring: boolean }).measuring) requestAnimationFrame(next);
      };
      requestAnimationFrame(next);
    });
    await what();
    const took = await person.page.evaluate(() => {
      Object.assign(window, { measuring: false });
      const { frameTimes } = window as unknown as { frameTimes: number[] };
      return frameTimes.slice(1).map((at, index) => at - (frameTimes[index] ?? at)).sort((left, right) => left - right);
    });
    const at = (part: number) => Math.round(took[Math.min(took.length - 1, Math.floor(took.length * part))] ?? 0);
    return { median: at(0.5), p95: at(0.95), longest: at(1), count: took.length };
  }

  it("are opened, moved about and dragged, while somebody else draws", async () => {
    const room = await makeRoom(scene.cluster.at(0), "many");
    await scene.cluster.sql(`insert into pgcanvas.shapes (room_id, id, kind, x, y, width, height, stroke_color, background_color, props)
      select r.id, 'n' || n, (array['rectangle', 'ellipse', 'diamond'])[1 + n % 3], (n % 100) * 60, (n / 100) * 60, 44, 36,
        (array['#1e1e1e', '#e03131', '#2f9e44', '#1971c2'])[1 + n % 4], 'transparent', jsonb_build_object('seed', n)
      from pgcanvas.rooms r, generate_series(0, ${SHAPES - 1}) as n where r.slug = '${room}'`);
    const ann = await scene.come({ name: "Ann" });
    const begun = Date.now();
    await ann.open(scene.cluster.at(0).url, room);
    await until("they are seen", async () => (await ann.ink()) > 5000, 60_000);
    const opened = Date.now() - begun;
    await ann.picture("many");
    const { mouse, keyboard } = ann.page;
    await mouse.move(640, 400);
    const panned = await frames(ann, async () => {
      for (let step = 0; step < 40; step += 1) await mouse.wheel(step < 20 ? 30 : -30, 20);
    });
    await keyboard.press("Control+0");
    const closer = await frames(ann, async () => {
      for (let step = 0; step < 40; step += 1) await mouse.wheel(20, step < 20 ? 30 : -30);
    });
    await scene.cluster.sql(`select pgcanvas.draw('${room}', '[{"op":"put","shape":{"id":"big","kind":"rectangle","x":3000,"y":1500,"width":4000,"height":4000,"background_color":"#a5d8ff"}}]')`);
    await keyboard.press("Shift+Digit1");
    await until("what comes meanwhile is seen", () => ann.shows([165, 216, 255]));
    const drag = async () => {
      await mouse.down();
      for (let step = 1; step <= 30; step += 1) await mouse.move(640 - step * 4, 420 - step * 2);
      await mouse.up();
    };
    await keyboard.press("v");
    await mouse.move(640, 420);
    const dragged = await frames(ann, drag);
    // Whichever shape lay under the pointer: they are many, and the view may still be gliding.
    await until("the drag is stored", async () => (await scene.cluster.sql(`select count(*) from pgcanvas.board_shapes where room = '${room}' and updated_by like 'guest-%'`)) !== "0");
    const told = ({ median, p95, longest, count }: typeof panned) => `${median} ms median, ${p95} ms p95, ${longest} ms at most (${count} frames)`;
    console.log(`${SHAPES} shapes: opened in ${opened} ms\n  all in view, panned: ${told(panned)}\n  at 100 %, panned: ${told(closer)}\n  all in view, dragged: ${told(dragged)}`);
    for (const { median } of [panned, closer, dragged]) expect(median).toBeLessThan(SLOWEST_MEDIAN_MS);
    expect(ann.complaints).toEqual([]);
    await ann.context.close();
  });

  it("weigh nothing on the way to a first board: what a browser fetches, and how soon one draws", async () => {
    const room = await makeRoom(scene.cluster.at(0), "first-load");
    const ann = await scene.come({ name: "Ann" });
    const loaded = async (path: string, seen: string) => {
      const bytes = new Map<string, number>();
      const session = await ann.context.newCDPSession(ann.page);
      await session.send("Network.enable");
      // Pictures of rooms are what people drew, not what the page weighs.
      const pictures = new Set<string>();
      session.on("Network.requestWillBeSent", ({ requestId, request }) => request.url.includes("/picture.svg") && pictures.add(requestId));
      session.on("Network.loadingFinished", ({ requestId, encodedDataLength }) => !pictures.has(requestId) && bytes.set(requestId, encodedDataLength));
      const begun = Date.now();
      await ann.page.goto(`${scene.cluster.at(0).url}${path}`);
      await ann.page.waitForSelector(seen, { timeout: 60_000 });
      if (path !== "/") await ann.says("Live");
      const took = Date.now() - begun;
      await session.detach();
      return { took, kilobytes: Math.round([...bytes.values()].reduce((sum, size) => sum + size, 0) / 1000) };
    };
    const start = await loaded("/", ".start");
    const first = await loaded(`/r/${room}`, "canvas.interactive");
    const again = await loaded(`/r/${room}`, "canvas.interactive");
    const told = ({ took, kilobytes }: typeof start) => `${kilobytes} kB in ${took} ms`;
    console.log(`start page: ${told(start)}\nfirst board: ${told(first)}\nthe next: ${told(again)}`);
    expect(start.kilobytes, "the start page needs nothing of the component").toBeLessThan(150);
    expect(first.kilobytes).toBeLessThan(1500);
    expect(again.kilobytes, "what is kept is not fetched again").toBeLessThan(100);
    await ann.context.close();
  });
});
