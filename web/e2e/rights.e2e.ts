import type { Locator } from "playwright-core";
import { describe, expect, it } from "vitest";
import { Person } from "./person.js";
import { Scene } from "./scene.js";
import { until } from "./until.js";

describe("who may do what", () => {
  const scene = new Scene(2);

  const kinds = (room: string) => scene.cluster.sql(`select coalesce(string_agg(kind, ' ' order by kind), '') from pgcanvas.board_shapes where room = '${room}'`);

  /** Makes a room on the start page. */
  async function make(person: Person, room: string, visibility: "open" | "readable" | "private", node = 0): Promise<void> {
    await person.page.goto(scene.cluster.at(node).url);
    await person.page.getByLabel("New room").fill(room);
    await person.page.getByLabel("For whom").selectOption(visibility);
    await person.page.getByRole("button", { name: "Open" }).click();
    await person.page.waitForSelector("canvas.interactive", { timeout: 30_000 });
    await person.says("Live");
  }

  const looksOnly = async (person: Person) => (await person.page.locator(".view-only:visible").count()) === 1;

  async function share(person: Person): Promise<Locator> {
    await person.page.getByRole("button", { name: "Share" }).click();
    const dialog = person.page.getByRole("dialog");
    await dialog.getByRole("heading", { name: "Links" }).waitFor();
    return dialog;
  }

  /** Makes a link in the dialog; gives its path on any node. */
  async function link(dialog: Locator, role: "viewer" | "editor" | "owner"): Promise<string> {
    const before = await dialog.getByLabel("The new link").inputValue({ timeout: 100 }).catch(() => "");
    await dialog.getByLabel("What the link lets one do").selectOption(role);
    await dialog.getByRole("button", { name: "Make a link" }).click();
    let made = "";
    await until("the link is told", async () => {
      made = await dialog.getByLabel("The new link").inputValue();
      return made !== before;
    });
    return made.slice(new URL(made).origin.length);
  }

  async function sign(person: Person, login: string, password: string, how: "up" | "in"): Promise<void> {
    const dialog = person.page.getByRole("dialog");
    if (how === "up") await dialog.getByRole("button", { name: "I have no account" }).click();
    await dialog.getByLabel("Login").fill(login);
    await dialog.getByLabel("Password").fill(password);
    await dialog.getByRole("button", { name: how === "up" ? "Make it" : "Sign in" }).click();
  }

  it("a guest's private room opens by a link alone; who may only look cannot write, whatever is tried", async () => {
    const [ann, bob] = [await scene.come({ name: "Ann" }), await scene.come({ name: "Bob" })];
    await make(ann, "secret", "private");
    await ann.draw("r", [400, 300], [600, 420]);
    await until("it is stored", async () => (await kinds("secret")) === "rectangle");
    await bob.page.goto(`${scene.cluster.at(1).url}/r/secret`);
    await until("it is as if it were not there", async () => /no board “secret” here/.test(await bob.page.innerText("body")));
    await bob.picture("refused");

    const dialog = await share(ann);
    await ann.picture("share-owner");
    const path = await link(dialog, "viewer");
    await ann.picture("share-link-made");
    const said: string[] = [];
    bob.page.on("websocket", (socket) => socket.on("framesent", ({ payload }) => said.push(String(payload))));
    await bob.page.goto(`${scene.cluster.at(1).url}${path}`);
    await bob.says("Live");
    expect(new URL(bob.page.url()).hash, "the link is out of the address").toBe("");
    await until("he sees the board", async () => (await bob.ink()) > 300);
    await until("and why there are no tools", () => looksOnly(bob));
    await bob.picture("view-only");

    await bob.draw("r", [300, 500], [400, 600]);
    await bob.draw("v", [500, 360], [700, 500]);
    await bob.page.keyboard.press("Control+a");
    for (const keys of ["Delete", "Control+z", "Control+Shift+z", "Control+d", "t"]) await bob.page.keyboard.press(keys);
    await bob.page.evaluate(() => {
      const scene = { type: "excalidraw/clipboard", elements: [{ id: "x", type: "ellipse", x: 0, y: 0, width: 50, height: 50 }] };
      const clipboardData = new DataTransfer();
      clipboardData.setData("text/plain", JSON.stringify(scene));
      document.dispatchEvent(new ClipboardEvent("paste", { clipboardData, bubbles: true }));
      const file = { type: "excalidraw", version: 2, elements: [{ id: "y", type: "diamond", x: 0, y: 0, width: 50, height: 50, index: "a0" }] };
      const dataTransfer = new DataTransfer();
      dataTransfer.items.add(new File([JSON.stringify(file)], "x.excalidraw", { type: "application/json" }));
      document.querySelector(".excalidraw")?.dispatchEvent(new DragEvent("drop", { dataTransfer, bubbles: true, cancelable: true, clientX: 400, clientY: 400 }));
    });
    await dialog.getByRole("button", { name: "Close" }).click();
    await ann.draw("o", [650, 300], [750, 400]);
    await until("Ann's is stored", async () => (await kinds("secret")) === "ellipse rectangle");
    for (const one of [ann, bob]) await one.page.keyboard.press("Shift+Digit1");
    await until("what the others draw is seen, and only that", async () => (await bob.ink()) > 500 && Math.abs((await bob.ink()) - (await ann.ink())) < 400);
    await bob.picture("view-only-after");
    expect(said.flatMap((frame) => /"type":"(ops|undo|redo)"/.exec(frame)?.[1] ?? []), "nothing of it was sent").toEqual([]);
    expect(await kinds("secret")).toBe("ellipse rectangle");

    await share(ann);
    await dialog.getByRole("list", { name: "Links" }).getByRole("listitem").filter({ hasText: "May look" }).getByRole("button", { name: "Revoke" }).click();
    await until("a revoked link lets nobody stay", async () => /no board “secret” here/.test(await bob.page.innerText("body")));
    await bob.page.goto(`${scene.cluster.at(1).url}${await link(dialog, "editor")}`);
    await bob.says("Live");
    await bob.draw("d", [300, 500], [400, 600]);
    await until("another one lets him draw", async () => (await kinds("secret")) === "diamond ellipse rectangle");
    await dialog.getByRole("button", { name: "Close" }).click();
    await ann.page.goto(scene.cluster.at(0).url);
    await until("the room is on its owner's start page", async () => /secret\s*private/.test(await ann.page.innerText(".rooms")));
    await until("with its picture", () => ann.page.locator(".rooms img").first().evaluate((image: HTMLImageElement) => image.naturalWidth > 0));
    await ann.picture("start-private");
    for (const one of [ann, bob]) await one.context.close();
  });

  it("people sign up and in, are members, and undo on another device what they drew on the first", async () => {
    const [ann, carol] = [await scene.come({ name: "Ann" }), await scene.come()];
    await carol.page.goto(scene.cluster.at(1).url);
    await carol.page.getByRole("button", { name: "Sign in" }).click();
    await sign(carol, "carol", "correct horse", "up");
    await until("she is signed in", async () => /Signed in as carol/.test(await carol.page.innerText(".who")));
    await make(carol, "diary", "private", 1);
    await carol.draw("o", [400, 300], [600, 420]);
    await until("hers is stored", async () => (await kinds("diary")) === "ellipse");
    await carol.page.goto(scene.cluster.at(1).url);
    await until("her room is listed for her, with its picture", () => carol.page.locator(".rooms img").first().evaluate((image: HTMLImageElement) => image.naturalWidth > 0));
    await carol.picture("start-signed-in");

    await make(ann, "club", "readable");
    await carol.page.goto(`${scene.cluster.at(1).url}/r/club`);
    await until("everybody may look", () => looksOnly(carol));
    const dialog = await share(ann);
    await dialog.getByLabel("Login of somebody").fill("nobody");
    await dialog.getByRole("button", { name: "Add" }).click();
    await until("who is not there is told", async () => /nobody of this login/.test(await dialog.getByRole("alert").innerText()));
    await dialog.getByLabel("Login of somebody").fill("carol");
    await dialog.getByRole("button", { name: "Add" }).click();
    await dialog.getByLabel("What carol may do").waitFor();
    await ann.picture("share-members");
    await until("she has tools now, without a reload", async () => !(await looksOnly(carol)));
    await carol.draw("r", [400, 300], [600, 420]);
    await until("she draws under her login", async () => (await scene.cluster.sql("select string_agg(distinct author, ' ') from pgcanvas.change_log where room = 'club'")) === "carol");

    const phone = await scene.come({ width: 390, height: 844, dark: true });
    await phone.open(scene.cluster.at(0).url, "club");
    await phone.page.getByRole("button", { name: "Come in" }).click();
    await until("a phone says it, too", () => looksOnly(phone));
    await phone.picture("view-only-phone");
    await phone.choose("Sign in");
    await sign(phone, "carol", "wrong horse", "in");
    await until("a wrong password is told", async () => /is wrong/.test(await phone.page.getByRole("alert").innerText()));
    await phone.picture("sign-in-wrong");
    await sign(phone, "carol", "correct horse", "in");
    await until("she has tools there, too", () => phone.page.getByTestId("toolbar-rectangle").first().isVisible());
    await phone.says("Live");
    await phone.page.getByTestId("button-undo").click();
    await until("and takes back what she drew", async () => (await kinds("club")) === "");

    await scene.cluster.sql("delete from pgcanvas.sign_ins");
    await scene.cluster.sql("select pgcanvas.set_visibility(id, 'open') from pgcanvas.rooms where slug = 'club'");
    await phone.page.reload();
    await until("a sign-in that ran out leaves a guest", async () => (await phone.page.evaluate(() => localStorage.getItem("pgcanvas.account"))) === null);
    await phone.says("Live");
    for (const one of [ann, carol, phone]) await one.context.close();
  });

  it("the owner's browser keeps owning, and a phone's dialog fits", async () => {
    const ann = await scene.come({ name: "Ann", width: 390, height: 844 });
    await make(ann, "mine", "open");
    await ann.choose("Share");
    const dialog = ann.page.getByRole("dialog");
    await dialog.getByRole("heading", { name: "Links" }).waitFor();
    const path = await link(dialog, "viewer");
    await ann.picture("share-phone");
    const wide = await ann.page.evaluate(() => document.documentElement.scrollWidth);
    expect(wide).toBeLessThanOrEqual(390);
    await ann.page.goto(`${scene.cluster.at(1).url}/r/other`);
    await ann.page.goto(`${scene.cluster.at(0).url}${path}`);
    await ann.says("Live");
    await ann.choose("Share");
    await dialog.getByRole("heading", { name: "Links" }).waitFor();
    const bob = await scene.come({ name: "Bob" });
    await bob.open(scene.cluster.at(1).url, "mine");
    await bob.page.getByRole("button", { name: "Share" }).click();
    await until("others are told who may change it", async () => /Owners can change that/.test(await bob.page.getByRole("dialog").innerText()));
    await bob.picture("share-guest");
    for (const one of [ann, bob]) await one.context.close();
  });
});
