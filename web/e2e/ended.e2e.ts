import { describe, expect, it } from "vitest";
import type { Person } from "./person.js";
import { Scene } from "./scene.js";
import { until } from "./until.js";

describe("a sign-in that ends while one draws", () => {
  const scene = new Scene(1);
  const rows = (room: string, what: string) => scene.cluster.sql(`select coalesce(string_agg(${what}, ' ' order by kind), '') from pgcanvas.board_shapes where room = '${room}'`);
  const body = (person: Person) => person.page.innerText("body");

  async function sign(person: Person, how: "up" | "in"): Promise<void> {
    const dialog = person.page.getByRole("dialog");
    if (how === "up") await dialog.getByRole("button", { name: "I have no account" }).click();
    await dialog.getByLabel("Login").fill("carol");
    await dialog.getByLabel("Password").fill("correct horse");
    await dialog.getByRole("button", { name: how === "up" ? "Make it" : "Sign in" }).click();
  }

  async function make(person: Person, room: string, visibility: "private" | "readable"): Promise<void> {
    await person.page.goto(scene.cluster.at(0).url);
    await person.page.getByLabel("New room").fill(room);
    await person.page.getByLabel("For whom").selectOption(visibility);
    await person.page.getByRole("button", { name: "Open" }).click();
    await person.page.waitForSelector("canvas.interactive", { timeout: 30_000 });
    await person.says("Live");
  }

  it("is told, and what was not sent is sent when one has signed in again", async () => {
    const carol = await scene.come();
    await carol.page.goto(scene.cluster.at(0).url);
    await carol.page.getByRole("button", { name: "Sign in" }).click();
    await sign(carol, "up");
    await until("she is signed in", async () => /Signed in as carol/.test(await carol.page.innerText(".who")));
    await make(carol, "diary", "private");
    const { mouse, keyboard } = carol.page;
    await keyboard.press("p");
    await mouse.move(300, 300);
    await mouse.down();
    for (let step = 1; step <= 20; step += 1) await mouse.move(300 + step * 5, 300 + (step % 7) * 10);
    await until("it grows", async () => (await rows("diary", "kind")) === "freedraw");
    await scene.cluster.sql("delete from pgcanvas.sign_ins");
    let step = 20;
    await until("it is said what happened", async () => {
      step += 1;
      await mouse.move(300 + step * 2, 300 + (step % 7) * 10);
      return /Your sign-in has ended/.test(await body(carol));
    });
    expect(await body(carol)).not.toMatch(/no board/);
    await until("and that something waits", async () => /of your changes (was|were) not sent. They are kept in this browser, and sent when you have signed in again/.test(await body(carol)));
    await carol.picture("sign-in-ended");
    await mouse.up();
    const seq = Number(await rows("diary", "seq::text"));
    await carol.page.getByRole("button", { name: "Sign in" }).click();
    await sign(carol, "in");
    await carol.page.waitForSelector("canvas.interactive", { timeout: 30_000 });
    await carol.says("Live");
    await until("the rest of the stroke is stored", async () => Number(await rows("diary", "seq::text")) > seq);
    expect(await rows("diary", "(width >= 100 and array_length(points, 1) >= 20)::text"), "and it is whole").toBe("true");
    expect(await scene.cluster.sql("select string_agg(distinct author, ' ') from pgcanvas.change_log where room = 'diary'")).toBe("carol");
    await carol.draw("r", [500, 500], [600, 600]);
    await until("she draws on", async () => (await rows("diary", "kind")) === "freedraw rectangle");
    await carol.picture("signed-in-again");

    await make(carol, "club", "readable");
    await carol.draw("o", [400, 300], [600, 420]);
    await until("it is stored", async () => (await rows("club", "kind")) === "ellipse");
    await scene.cluster.sql("delete from pgcanvas.sign_ins");
    await until("where guests may look, she looks, and it is said", async () => (await carol.page.locator(".view-only:visible").count()) === 1 && (await carol.page.locator(".Toast").allInnerTexts()).join().includes("Your sign-in has ended"));
    await carol.picture("sign-in-ended-readable");
    await carol.page.goto(`${scene.cluster.at(0).url}/r/diary`);
    await until("who opens a board later is told, too", async () => /Your sign-in has ended/.test(await body(carol)));
    expect(carol.complaints).toEqual([]);
    await carol.context.close();
  });
});
