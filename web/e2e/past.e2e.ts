import { describe, expect, it } from "vitest";
import { makeRoom } from "./node.js";
import { Person } from "./person.js";
import { Scene } from "./scene.js";
import { until } from "./until.js";

describe("a room's past", () => {
  const scene = new Scene(1);

  const kinds = (room: string) => scene.cluster.sql(`select string_agg(kind, ' ' order by kind) from pgcanvas.board_shapes where room = '${room}'`);

  async function slideTo(person: Person, seq: number): Promise<void> {
    await person.page.getByLabel("Point in time").fill(String(seq));
  }

  /** Ann draws a box, Bob an ellipse, and somebody at psql makes a diamond and deletes the box. */
  async function lived(slug: string): Promise<{ room: string; ann: Person }> {
    const room = await makeRoom(scene.cluster.at(0), slug);
    const [ann, bob] = [await scene.come({ name: "Ann" }), await scene.come({ name: "Bob" })];
    await ann.open(scene.cluster.at(0).url, room);
    await bob.open(scene.cluster.at(0).url, room);
    await ann.draw("r", [300, 250], [460, 370]);
    await until("Ann's is stored", async () => (await kinds(room)) === "rectangle");
    await bob.draw("o", [560, 250], [700, 360]);
    await until("Bob's is stored", async () => (await kinds(room)) === "ellipse rectangle");
    await scene.cluster.sql(`select pgcanvas.draw('${room}', '[{"op":"put","shape":{"id":"it''s","kind":"diamond","x":440,"y":420,"width":90,"height":90,"background_color":"#ffc9c9"}}]')`);
    await scene.cluster.sql(`delete from pgcanvas.shapes where kind = 'rectangle' and room_id = (select id from pgcanvas.rooms where slug = '${room}')`);
    await bob.context.close();
    return { room, ann };
  }

  it("is played back, told by whom, and brought back for everybody", async () => {
    const { room, ann } = await lived("lived");
    await ann.choose("History");
    await ann.page.getByText("Back to the board").waitFor();
    const list = ann.page.getByLabel("Who did what");
    await until("who did what is told", async () => {
      const told = await list.innerText();
      return /You/.test(told) && /Bob/.test(told) && /\(SQL\)/.test(told);
    });
    const pictured = (seq: number, has: string) => until(`the picture of ${seq}`, async () => (await ann.page.locator("output").innerText()).startsWith(has));
    await slideTo(ann, 0);
    await pictured(0, "0 of 4");
    await until("an empty board", async () => (await ann.ink()) === 0);
    await slideTo(ann, 2);
    await pictured(2, "2 of 4 · Bob");
    await until("both are seen", async () => (await ann.ink()) > 1000);
    await ann.picture("past-slider");
    await slideTo(ann, 3);
    await until("psql's is seen", () => ann.shows([255, 201, 201]));
    await slideTo(ann, 0);
    await ann.page.getByLabel("Play").click();
    await pictured(4, "4 of 4");
    await ann.page.keyboard.press("Delete");
    await ann.page.keyboard.press("Control+z");
    expect(await kinds(room), "looking changes nothing").toBe("diamond ellipse");

    await slideTo(ann, 2);
    await pictured(2, "2 of 4");
    await ann.page.getByRole("button", { name: "Restore" }).click();
    await ann.says("Live");
    await until("it is as it was", async () => (await kinds(room)) === "ellipse rectangle");
    expect(await scene.cluster.sql(`select author = 'guest-' || left(client::text, 8) from pgcanvas.change_log where room = '${room}' and seq = 5 limit 1`)).toBe("t");
    await until("on the page, too", async () => (await ann.ink()) > 1000 && !(await ann.shows([255, 201, 201])));
    await ann.draw("d", [300, 500], [380, 560]);
    await until("drawing goes on", async () => (await kinds(room)) === "diamond ellipse rectangle");
    await ann.picture("past-restored");
    expect(ann.complaints).toEqual([]);
    await ann.context.close();
  });

  it("goes on while others draw, and says nothing of what could not be read", async () => {
    const { room, ann } = await lived("goes-on");
    const draw = (id: string) => scene.cluster.sql(`select pgcanvas.draw('${room}', '[{"op":"put","shape":{"id":"${id}","kind":"ellipse","x":300,"y":300,"width":90,"height":90,"background_color":"#b2f2bb"}}]')`);
    const says = (what: RegExp) => until(`it says ${String(what)}`, async () => what.test(await ann.page.locator("output").innerText()));
    await ann.choose("History");
    await says(/^4 of 4 .* now$/);
    await draw("e5");
    await says(/^5 of 5 .* now$/);
    await until("the present is shown", () => ann.shows([178, 242, 187]));
    await slideTo(ann, 2);
    await says(/^2 of 5/);
    await draw("e6");
    await says(/^2 of 6/);
    expect(await ann.shows([178, 242, 187]), "who looks at the past is left there").toBe(false);
    await ann.page.getByText("Back to the board").click();
    await ann.context.setOffline(true);
    await ann.choose("History");
    await until("it is said", async () => /No node answers/.test(await ann.page.getByRole("alert").innerText()));
    expect(await ann.page.getByLabel("Who did what").innerText()).toBe("");
    await ann.context.setOffline(false);
    await says(/^6 of 6 .* now$/);
    await until("it is over", async () => (await ann.page.getByRole("alert").count()) === 0);
    await ann.context.close();
  });

  it("becomes a new room, and says what a name is wrong for", async () => {
    const { ann } = await lived("branched");
    await ann.choose("History");
    await slideTo(ann, 1);
    await ann.page.getByText("New room from here").click();
    await ann.page.getByLabel("Name of the new room").fill("branched");
    await ann.page.getByRole("button", { name: "Make it" }).click();
    await until("it is said", async () => /there already/.test(await ann.page.getByRole("alert").innerText()));
    await ann.picture("past-branch-taken");
    await ann.page.getByLabel("Name of the new room").fill("branch-of-it");
    await ann.page.getByRole("button", { name: "Make it" }).click();
    await ann.page.waitForURL("**/r/branch-of-it");
    await ann.says("Live");
    expect(await kinds("branch-of-it")).toBe("rectangle");
    await ann.context.close();
  });

  it("fits on a phone in the dark, and tells when no node answers", async () => {
    const { room, ann } = await lived("small");
    await ann.context.close();
    const phone = await scene.come({ name: "Ann", width: 390, height: 844, dark: true });
    await phone.open(scene.cluster.at(0).url, room);
    await phone.choose("History");
    await slideTo(phone, 3);
    await until("psql's is there", async () => (await phone.ink()) > 500);
    await phone.picture("past-phone-dark");
    await phone.context.setOffline(true);
    await slideTo(phone, 1);
    await until("it is said", async () => /No node answers/.test(await phone.page.getByRole("alert").innerText()));
    await phone.context.setOffline(false);
    await slideTo(phone, 2);
    await until("it is over", async () => (await phone.page.getByRole("alert").count()) === 0);
    await phone.page.getByText("Back to the board").click();
    await phone.says("Live");
    await phone.context.close();
  });

  it("and its present are told in SQL that runs", async () => {
    const { room, ann } = await lived("in-sql");
    await ann.choose("Open in SQL");
    const dialog = ann.page.getByRole("dialog", { name: "Open in SQL" });
    const [now, log] = [dialog.locator("pre").nth(0), dialog.locator("pre").nth(1)];
    const rows = async (query: string) => (await scene.cluster.sql(query)).split("\n").length;
    expect(await rows(await now.innerText()), "the room").toBe(2);
    expect(await rows(await log.innerText()), "its log").toBe(4);
    await ann.context.grantPermissions(["clipboard-read", "clipboard-write"]);
    await dialog.getByRole("button", { name: "Copy" }).first().click();
    await until("it is copied", async () => (await ann.page.evaluate(() => navigator.clipboard.readText())).startsWith("select id"));
    await ann.picture("sql-room");
    await dialog.getByRole("button", { name: "Close" }).click();
    await until("psql's is seen", () => ann.shows([255, 201, 201]));
    await ann.page.keyboard.press("Control+a");
    await scene.cluster.sql(`select pgcanvas.draw('${room}', '[{"op":"put","shape":{"id":"other","kind":"diamond","x":200,"y":0,"width":90,"height":90}}]')`);
    await ann.choose("Open in SQL");
    const query = await now.innerText();
    expect(query).toContain("'it''s'");
    expect(await rows(query), "the selected").toBe(2);
    await ann.picture("sql-selected");
    expect(ann.complaints).toEqual([]);
    await ann.context.close();
  });
});
