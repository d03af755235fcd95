import { describe, expect, it } from "vitest";
import { png } from "./given.js";
import { makeRoom } from "./node.js";
import { Person } from "./person.js";
import { Scene } from "./scene.js";
import { until } from "./until.js";

const COLOUR = [200, 30, 40] as const;

/** What a test holds back in a page. */
interface Held {
  /** How many pictures wait to be decoded. */
  waiting(): number;
  release(): void;
}

describe("pictures where something is slow, or fails once", () => {
  const scene = new Scene(1);

  /** Somebody who looks, in a browser of which something was changed beforehand, and a room with a picture that comes while they look. */
  async function looking(slug: string, change: () => void): Promise<{ readonly bob: Person; readonly place: () => Promise<void> }> {
    const room = await makeRoom(scene.cluster.at(0), slug);
    const bob = await scene.come({ name: "Bob" });
    await bob.context.addInitScript(change);
    await bob.open(scene.cluster.at(0).url, room);
    return { bob, place: () => place(room) };
  }

  async function place(room: string): Promise<void> {
    const { url } = scene.cluster.at(0);
    const content = png(COLOUR);
    const sha256 = Buffer.from(await crypto.subtle.digest("SHA-256", new Uint8Array(content))).toString("hex");
    const put = await fetch(`${url}/api/files/${sha256}`, { method: "PUT", body: new Uint8Array(content) });
    expect(put.ok).toBe(true);
    await scene.cluster.sql(`select pgcanvas.draw('${room}', '[{"op": "put", "shape": {"id": "picture", "kind": "image", "x": 300, "y": 200, "width": 64, "height": 64, "file_id": "${sha256}"}}]')`);
  }

  const inRoom = (room: string) => `room_id = (select id from pgcanvas.rooms where slug = '${room}')`;

  /** How many points are of the picture's colour. */
  const points = (person: Person) => person.page.locator("canvas.static").evaluate((canvas: HTMLCanvasElement, [red, green, blue]) => {
    const { data } = canvas.getContext("2d")!.getImageData(0, 0, canvas.width, canvas.height);
    let count = 0;
    for (let at = 0; at < data.length; at += 4) if (Math.abs(data[at]! - red) + Math.abs(data[at + 1]! - green) + Math.abs(data[at + 2]! - blue) < 24) count += 1;
    return count;
  }, COLOUR);

  /** Has every picture wait to be decoded until it is released. */
  const holdDecoding = () => {
    const { get, set } = Object.getOwnPropertyDescriptor(HTMLImageElement.prototype, "src")!;
    const waiting: (() => void)[] = [];
    let isHeld = true;
    const decode = function (this: HTMLImageElement, address: string): void {
      if (isHeld && address.startsWith("data:image/png")) waiting.push(() => set!.call(this, address));
      else set!.call(this, address);
    };
    Object.defineProperty(HTMLImageElement.prototype, "src", { get: get!, set: decode });
    const held: Held = {
      waiting: () => waiting.length,
      release: () => {
        isHeld = false;
        for (const go of waiting.splice(0)) go();
      },
    };
    Object.assign(window, { held });
  };
  const isWaiting = (person: Person) => person.page.evaluate(() => (window as unknown as { held: Held }).held.waiting() > 0);
  const release = (person: Person) => person.page.evaluate(() => (window as unknown as { held: Held }).held.release());

  it("are seen though their shape changed while they were decoded", async () => {
    const { bob, place } = await looking("changed", holdDecoding);
    await place();
    await until("it waits", () => isWaiting(bob));
    await scene.cluster.sql(`update pgcanvas.shapes set link = 'https://example.org' where ${inRoom("changed")}`);
    await scene.cluster.sql(`select pgcanvas.draw('changed', '[{"op": "put", "shape": {"id": "mark", "kind": "rectangle", "x": 500, "y": 200, "width": 90, "height": 60, "background_color": "#1971c2", "fill_style": "solid"}}]')`);
    await until("the change is seen, for what came after it is", () => bob.shows([25, 113, 194]));
    await release(bob);
    await until("it is seen", () => bob.shows(COLOUR));
    expect(bob.complaints).toEqual([]);
    await bob.context.close();
  });

  it("are seen in every shape that came while they were decoded", async () => {
    const { bob, place } = await looking("copied", holdDecoding);
    await place();
    await until("it waits", () => isWaiting(bob));
    await scene.cluster.sql(`insert into pgcanvas.shapes (room_id, id, kind, x, y, width, height, file_id) select room_id, 'copy', kind, x + 200, y, width, height, file_id from pgcanvas.shapes where ${inRoom("copied")}`);
    await scene.cluster.sql(`select pgcanvas.draw('copied', '[{"op": "put", "shape": {"id": "mark", "kind": "rectangle", "x": 300, "y": 400, "width": 90, "height": 60, "background_color": "#1971c2", "fill_style": "solid"}}]')`);
    await until("the copy is seen, for what came after it is", () => bob.shows([25, 113, 194]));
    await release(bob);
    await until("both are seen", async () => (await points(bob)) > 1.5 * 64 * 64);
    await bob.context.close();
  });

  it("are placed in one gesture however long they are decoded", async () => {
    const room = await makeRoom(scene.cluster.at(0), "placed");
    const ann = await scene.come({ name: "Ann" });
    await ann.context.addInitScript(() => {
      const { get, set } = Object.getOwnPropertyDescriptor(HTMLImageElement.prototype, "src")!;
      const decode = function (this: HTMLImageElement, address: string): void {
        if (address.startsWith("data:image/png")) setTimeout(() => set!.call(this, address), 700);
        else set!.call(this, address);
      };
      Object.defineProperty(HTMLImageElement.prototype, "src", { get: get!, set: decode });
    });
    await ann.open(scene.cluster.at(0).url, room);
    const [chooser] = await Promise.all([ann.page.waitForEvent("filechooser"), ann.page.keyboard.press("9")]);
    await chooser.setFiles({ name: "red.png", mimeType: "image/png", buffer: png(COLOUR) });
    const cursor = () => ann.page.locator("canvas.interactive").evaluate((canvas: HTMLCanvasElement) => canvas.style.cursor);
    await until("the picture is at the pointer", async () => /wait|url/.test(await cursor()));
    await ann.page.mouse.click(600, 400);
    await until("it is seen", () => ann.shows(COLOUR));
    await until("it is stored as large as it is", async () => (await scene.cluster.sql(`select width || ' ' || height from pgcanvas.shapes where ${inRoom(room)}`)) === "64 64");
    expect(await scene.cluster.sql(`select version from pgcanvas.shapes where ${inRoom(room)}`)).toBe("1");
    await ann.context.close();
  });

  it("are seen where the browser keeps nothing and does not say so", async () => {
    const { bob, place } = await looking("unkept", () => {
      const open = indexedDB.open.bind(indexedDB);
      const never = () => new EventTarget() as unknown as IDBOpenDBRequest;
      IDBFactory.prototype.open = (name, version) => (name === "pgcanvas-pictures" ? never() : open(name, version));
    });
    await place();
    await until("it is seen", () => bob.shows(COLOUR));
    await bob.context.close();
  });

  it("are on boards that open where the browser's database does not answer", async () => {
    const { bob, place } = await looking("no-database", () => {
      IDBFactory.prototype.open = () => new EventTarget() as unknown as IDBOpenDBRequest;
    });
    await place();
    await until("it is seen", () => bob.shows(COLOUR));
    await bob.context.close();
  });

  it("are asked for again when what came of them is broken off", async () => {
    const { bob, place } = await looking("broken-off", () => {
      const blob = Response.prototype.blob;
      Response.prototype.blob = function () {
        Response.prototype.blob = blob;
        return Promise.reject(new TypeError("network error"));
      };
    });
    await place();
    await until("it is seen", () => bob.shows(COLOUR));
    await bob.context.close();
  });

  it("are asked for again when no answer comes", async () => {
    const { bob, place } = await looking("no-answer", () => {});
    await bob.page.route("**/api/files/*", () => {}, { times: 1 });
    await place();
    await until("it is seen", () => bob.shows(COLOUR), 30_000);
    await bob.context.close();
  });

  it("are asked for again when they could not be decoded", async () => {
    const { bob, place } = await looking("undecoded", () => {
      const source = Object.getOwnPropertyDescriptor(HTMLImageElement.prototype, "src")!;
      const decode = function (this: HTMLImageElement, address: string): void {
        const isFirst = address.startsWith("data:image/png");
        if (isFirst) Object.defineProperty(HTMLImageElement.prototype, "src", source);
        source.set!.call(this, isFirst ? "data:image/png;base64,AAAA" : address);
      };
      Object.defineProperty(HTMLImageElement.prototype, "src", { get: source.get!, set: decode });
    });
    await place();
    await until("it is seen", () => bob.shows(COLOUR));
    await bob.context.close();
  });

  it("are sent again when the node did not answer", async () => {
    const room = await makeRoom(scene.cluster.at(0), "sent-again");
    const ann = await scene.come({ name: "Ann" });
    // A second in place of a minute.
    await ann.context.addInitScript(() => {
      const timeout = setTimeout;
      Object.assign(window, { setTimeout: (call: () => void, ms = 0, ...rest: unknown[]) => timeout(call, ms >= 60_000 ? ms / 60 : ms, ...rest) });
    });
    await ann.open(scene.cluster.at(0).url, room);
    let asked = 0;
    await ann.page.route("**/api/files/*", (route) => {
      asked += 1;
      if (asked > 1) void route.continue();
    });
    const [chooser] = await Promise.all([ann.page.waitForEvent("filechooser"), ann.page.keyboard.press("9")]);
    await chooser.setFiles({ name: "lime.png", mimeType: "image/png", buffer: png([116, 184, 22]) });
    const cursor = () => ann.page.locator("canvas.interactive").evaluate((canvas: HTMLCanvasElement) => canvas.style.cursor);
    await until("the picture is at the pointer", async () => /wait|url/.test(await cursor()));
    await ann.page.mouse.click(600, 400);
    await until("the node has it", async () => (await scene.cluster.sql(`select count(*) from pgcanvas.shapes s join pgcanvas.files f on f.sha256 = s.file_id where ${inRoom(room)}`)) === "1", 30_000);
    await ann.context.close();
  });
});
