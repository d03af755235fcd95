import type { Page } from "playwright-core";
import { describe, expect, it } from "vitest";
import { makeRoom } from "./node.js";
import type { Person } from "./person.js";
import { Scene } from "./scene.js";
import { until } from "./until.js";

/** Has what the page waits for in vain take a tenth of its time. */
const hurry = () => {
  const timeout = setTimeout;
  Object.assign(window, { setTimeout: (call: () => void, ms = 0, ...rest: unknown[]) => timeout(call, ms >= 5000 ? ms / 10 : ms, ...rest) });
};

describe("a node that takes requests and does not answer", () => {
  const scene = new Scene(1);
  const node = () => scene.cluster.at(0);
  const body = (person: Person) => person.page.innerText("body");

  async function come(name = "Ann"): Promise<Person> {
    const person = await scene.come({ name });
    await person.context.addInitScript(hurry);
    return person;
  }

  /** Lets no answer come until it is released; tells how many wait. */
  async function silence(page: Page, what: string | RegExp) {
    let isSilent = true;
    let waiting = 0;
    await page.route(what, async (route) => {
      if (!isSilent) return route.fallback();
      waiting += 1;
    });
    page.on("requestfailed", () => (waiting -= 1));
    return { release: () => (isSilent = false), waiting: () => waiting };
  }

  /** A guest's room, and links into it. */
  async function owned(slug: string) {
    const asked = async (path: string, more: object, link?: string) => {
      const answer = await fetch(`${node().url}${path}`, { method: "POST", body: JSON.stringify(more), ...(link && { headers: { "x-pgcanvas-link": link } }) });
      return (await answer.json()) as { token: string; link: { token: string } };
    };
    const owner = (await asked("/api/rooms", { slug, visibility: "private" })).link.token;
    const viewer = (await asked(`/api/rooms/${slug}/links`, { role: "viewer" }, owner)).token;
    return { owner, viewer };
  }

  const keep = (person: Person, slug: string, link: string) =>
    person.context.addInitScript(([room, token]) => localStorage.getItem("pgcanvas.links") ?? localStorage.setItem("pgcanvas.links", JSON.stringify([[room, token]])), [slug, link]);
  const kept = (person: Person) => person.page.evaluate(() => localStorage.getItem("pgcanvas.links"));

  it("is told of on the start page, which shows the rooms as soon as one does", async () => {
    await makeRoom(node(), "listed");
    const ann = await come();
    const { release } = await silence(ann.page, /\/api\/rooms$/);
    await ann.page.goto(node().url);
    await until("it is said", async () => /No node answers/.test(await body(ann)));
    await ann.picture("silent-start");
    release();
    await until("the rooms are there", async () => /listed/.test(await ann.page.innerText(".rooms")));
    expect(await body(ann)).not.toMatch(/No node answers/);
    await ann.context.close();
  });

  it("is told of where something else answers in its place, or its answer breaks off", async () => {
    const ann = await come();
    let answers = 0;
    await ann.page.route(/\/api\/rooms$/, (route) => {
      answers += 1;
      if (answers === 1) return route.fulfill({ contentType: "text/html", body: "<h1>Welcome to the hotel</h1>" });
      return answers === 2 ? route.fulfill({ contentType: "application/json", body: '{"rooms": [{"slug"' }) : route.fallback();
    });
    await ann.page.goto(node().url);
    await until("it is said", async () => /Something that is no node answers/.test(await body(ann)));
    await until("the rooms are there", async () => /listed/.test(await ann.page.innerText(".rooms")));
    await ann.context.close();
  });

  it("takes no owner's link away: one that came is weighed when it answers", async () => {
    const { owner, viewer } = await owned("weighed-down");
    const ann = await come();
    await keep(ann, "weighed-down", owner);
    const { release } = await silence(ann.page, /\/api\/rooms\/weighed-down$/);
    await ann.page.goto(`${node().url}/r/weighed-down#link=${viewer}`);
    await ann.page.waitForSelector("canvas.interactive", { timeout: 30_000 });
    await ann.says("Live");
    expect(await ann.page.locator(".view-only:visible").count()).toBe(0);
    expect(await kept(ann)).toContain(owner);
    expect(ann.page.url()).not.toContain("#");
    release();
    await until("it was weighed", async () => (await ann.page.evaluate(() => history.state as unknown)) === null);
    expect(await kept(ann)).toContain(owner);
    await ann.context.close();
  });

  it("loses no better link that came: it counts when it answers, after a reload too", async () => {
    const { owner, viewer } = await owned("weighed-up");
    const ann = await come();
    await keep(ann, "weighed-up", viewer);
    const { release } = await silence(ann.page, /\/api\/rooms\/weighed-up$/);
    await ann.page.goto(`${node().url}/r/weighed-up#link=${owner}`);
    await until("she looks", async () => (await ann.page.locator(".view-only:visible").count()) === 1);
    await ann.page.reload();
    await until("she looks again", async () => (await ann.page.locator(".view-only:visible").count()) === 1);
    release();
    await until("she owns it", async () => ((await kept(ann)) ?? "").includes(owner));
    await until("and may draw", async () => (await ann.page.locator(".view-only:visible").count()) === 0 && (await ann.page.locator(".status-pill.good:visible").count()) === 1);
    await ann.context.close();
  });

  it("is asked for its reasons one at a time", async () => {
    const room = await makeRoom(node(), "one-at-a-time");
    const ann = await scene.come({ name: "Ann" });
    await ann.page.routeWebSocket(/\/ws$/, (socket) => void socket.close());
    const { waiting } = await silence(ann.page, /\/api\/origin/);
    await ann.page.goto(`${node().url}/r/${room}`);
    await until("it is said", async () => /No node answers/.test(await body(ann)));
    let most = 0;
    const end = Date.now() + 8000;
    await until("some time has passed", () => ((most = Math.max(most, waiting())), Date.now() > end));
    expect(most).toBeGreaterThan(0);
    expect(most).toBeLessThanOrEqual(2);
    await ann.context.close();
  });

  it("is told of in the dialog for sharing, which fills when it answers", async () => {
    const { owner } = await owned("shared");
    const ann = await come();
    await keep(ann, "shared", owner);
    await ann.open(node().url, "shared");
    const { release } = await silence(ann.page, /\/api\/rooms\/shared/);
    await ann.page.getByRole("button", { name: "Share" }).click();
    const dialog = ann.page.locator("dialog.dialog");
    await until("it is said", async () => /No node answers/.test(await dialog.innerText()));
    await ann.picture("silent-share");
    release();
    await until("it is filled", async () => (await dialog.getByRole("list", { name: "Links" }).locator("li").count()) === 2 && (await dialog.getByRole("radio").count()) === 3);
    expect(await dialog.innerText()).not.toMatch(/No node answers/);
    await ann.context.close();
  });

  it("is told of in the past, which goes on when it answers", async () => {
    const room = await makeRoom(node(), "past-silent");
    await scene.cluster.sql(`select pgcanvas.draw('${room}', '[{"op": "put", "shape": {"id": "box", "kind": "rectangle", "x": 500, "y": 200, "width": 60, "height": 40}}]')`);
    const ann = await come();
    await ann.open(node().url, room);
    const { release } = await silence(ann.page, /\/(at|history)[/?]/);
    await ann.choose("History");
    await until("it is said", async () => /No node answers/.test(await body(ann)), 30_000);
    release();
    await until("the board and the batches are there", async () => (await ann.page.locator(".past-canvas canvas").count()) > 0 && /\(SQL\)/.test(await ann.page.innerText(".sittings")), 30_000);
    await ann.context.close();
  });

  for (const how of ["silence", "breaking off"] as const) {
    it(`leaves no empty page where the page's own files do not come: ${how}`, async () => {
      const room = await makeRoom(node(), `files-${how.replace(" ", "-")}`);
      const ann = await come();
      let isAway = true;
      await ann.page.route(/\/assets\/RoomPage.*\.js/, (route) => (isAway ? how === "silence" || route.abort() : route.fallback()));
      await ann.page.route(/\/api\/origin/, (route) => (isAway ? route.abort() : route.fallback()));
      await ann.page.goto(`${node().url}/r/${room}`);
      await until("it is said", async () => /No node answers/.test(await body(ann)), 30_000);
      await ann.picture(`silent-files-${how}`);
      isAway = false;
      await until("the board is there", async () => (await ann.page.locator("canvas.interactive").count()) > 0, 30_000);
      await ann.says("Live");
      await ann.context.close();
    });
  }

  it("is not waited for by the browser's database: a board opens though what was kept does not come", async () => {
    const room = await makeRoom(node(), "unread");
    const ann = await come();
    await ann.context.addInitScript(() => {
      IDBObjectStore.prototype.get = () => new EventTarget() as unknown as IDBRequest;
    });
    await ann.open(node().url, room);
    await ann.draw("r", [300, 300], [400, 400]);
    await until("what she draws is stored", async () => (await scene.cluster.sql(`select count(*) from pgcanvas.board_shapes where room = '${room}'`)) === "1");
    await ann.context.close();
  });

  it("has the page say that the browser does not keep what it is slow to keep", async () => {
    const room = await makeRoom(node(), "unwritten");
    const ann = await come();
    await ann.open(node().url, room);
    await ann.page.evaluate(() => {
      const transaction = IDBDatabase.prototype.transaction;
      IDBDatabase.prototype.transaction = function (names, mode, options) {
        const made = transaction.call(this, names, mode, options);
        if (mode === "readwrite") Object.defineProperty(made, "oncomplete", { set: () => {} });
        return made;
      };
    });
    await ann.context.setOffline(true);
    await ann.page.routeWebSocket(/\/ws$/, (socket) => void socket.close());
    await ann.page.evaluate(() => dispatchEvent(new Event("offline")));
    await ann.draw("r", [300, 300], [400, 400]);
    await ann.says(/unsent, keep this tab open/);
    await ann.context.close();
  });
});
