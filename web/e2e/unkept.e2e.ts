import { describe, expect, it } from "vitest";
import { Scene } from "./scene.js";
import { until } from "./until.js";

describe("a browser that keeps nothing", () => {
  const scene = new Scene(1);
  const kinds = (room: string) => scene.cluster.sql(`select string_agg(kind, ' ' order by kind) from pgcanvas.board_shapes where room = '${room}'`);

  const ways = {
    refuses: () => {
      const refuse = () => {
        throw new DOMException("denied", "SecurityError");
      };
      for (const name of ["localStorage", "sessionStorage", "indexedDB"]) Object.defineProperty(window, name, { get: refuse });
      Object.defineProperty(navigator, "locks", { get: () => ({ request: () => Promise.reject(new DOMException("denied", "SecurityError")) }) });
    },
    "is full": () => {
      const full = () => {
        throw new DOMException("full", "QuotaExceededError");
      };
      Storage.prototype.setItem = full;
      IDBObjectStore.prototype.put = full;
    },
  };

  for (const [how, change] of Object.entries(ways)) {
    it(`lets its guest make a private room, be called by a name, and draw: it ${how}`, async () => {
      const room = `unkept-${how.replace(" ", "-")}`;
      const zed = await scene.come();
      await zed.context.addInitScript(change);
      await zed.page.goto(scene.cluster.at(0).url);
      await zed.page.getByLabel("New room").fill(room);
      await zed.page.getByLabel("For whom").selectOption("private");
      await zed.page.getByRole("button", { name: "Open" }).click();
      await zed.page.getByRole("button", { name: "Come in" }).waitFor();
      await zed.page.keyboard.type("Zed");
      await zed.page.keyboard.press("Enter");
      await zed.says("Live");
      await zed.draw("d", [300, 200], [400, 250]);
      await until("it is stored", async () => (await kinds(room)) === "diamond");
      await until("by that name", async () => (await zed.page.locator(".UserList .Avatar").innerText()) === "Z");
      expect(zed.page.url()).not.toContain("#");
      await zed.page.reload();
      await zed.page.getByRole("button", { name: "Come in" }).waitFor();
      await zed.page.keyboard.press("Escape");
      await zed.says("Live");
      await zed.draw("o", [500, 200], [600, 250]);
      await until("after a reload too", async () => (await kinds(room)) === "diamond ellipse");
      await zed.context.close();
    });
  }
});
