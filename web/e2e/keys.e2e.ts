import { describe, expect, it } from "vitest";
import { makeRoom } from "./node.js";
import type { Person } from "./person.js";
import { Scene } from "./scene.js";
import { until } from "./until.js";

/** Keys of the board: tools, a dropper of colour, deleting, all selected, help, its search and its list of commands. */
const KEYS = ["Delete", "Backspace", "r", "i", "s", "e", "?", "ArrowRight", "Control+a", "Control+x", "Control+d", "Control+f", "Control+/", "Control+Shift+p", "Alt+r"];

describe("what is typed while a dialog is open", () => {
  const scene = new Scene(1);

  /** Where the shapes of a room are. */
  const rows = (room: string) => scene.cluster.sql(`select string_agg(id || ' ' || x || ' ' || y, ', ' order by id) from pgcanvas.board_shapes where room = '${room}'`);
  const tool = (person: Person) => person.page.locator('input[name="editor-current-shape"]:checked').getAttribute("data-testid");
  const opened = (person: Person) => person.page.locator(".excalidraw-eye-dropper-backdrop, .HelpDialog, .command-palette-dialog, .layer-ui__search").count();

  it("is the name that is asked for, and no tool", async () => {
    const room = await makeRoom(scene.cluster.at(0), "asked");
    await scene.cluster.sql(`select pgcanvas.draw('${room}', '[{"op": "put", "shape": {"id": "box", "kind": "rectangle", "x": 500, "y": 200, "width": 60, "height": 40}}]')`);
    const rita = await scene.come();
    await rita.page.goto(`${scene.cluster.at(0).url}/r/${room}`);
    await rita.page.getByRole("button", { name: "Come in" }).waitFor();
    await rita.says("Live");
    const before = await tool(rita);
    await rita.picture("introduction-keys");
    await rita.page.keyboard.type("Rita");
    expect(await tool(rita)).toBe(before);
    expect(await opened(rita)).toBe(0);
    await rita.page.keyboard.press("Enter");
    await until("she is in", async () => (await rita.page.locator("dialog.dialog").count()) === 0);
    expect(await rita.page.evaluate(() => localStorage.getItem("pgcanvas.name"))).toBe("Rita");
    await rita.draw("o", [300, 400], [400, 500]);
    await until("then keys are the board's", async () => (await scene.cluster.sql(`select count(*) from pgcanvas.board_shapes where room = '${room}'`)) === "2");
    await rita.context.close();
  });

  it("leaves a guest who gives no name a guest, who is not asked again on the next board", async () => {
    const room = await makeRoom(scene.cluster.at(0), "unnamed");
    const guest = await scene.come();
    await guest.page.goto(`${scene.cluster.at(0).url}/r/${room}`);
    await guest.page.getByRole("button", { name: "Come in" }).waitFor();
    await guest.says("Live");
    await guest.page.keyboard.press("Escape");
    await until("the question is gone", async () => (await guest.page.getByRole("button", { name: "Come in" }).count()) === 0);
    await guest.open(scene.cluster.at(0).url, room);
    expect(await guest.page.getByRole("button", { name: "Come in" }).count()).toBe(0);
    await guest.context.close();
  });

  const ours: readonly (readonly [string, (person: Person) => Promise<void>])[] = [
    ["share", (person) => person.page.getByRole("button", { name: "Share" }).click()],
    ["sql", (person) => person.choose("Open in SQL")],
    ["sign-in", (person) => person.choose("Sign in")],
  ];
  for (const [name, open] of ours) {
    it(`does nothing to the board under it: ${name}`, async () => {
      const room = await makeRoom(scene.cluster.at(0), `under-${name}`);
      await scene.cluster.sql(`select pgcanvas.draw('${room}', '[{"op": "put", "shape": {"id": "box", "kind": "rectangle", "x": 500, "y": 200, "width": 60, "height": 40}}, {"op": "put", "shape": {"id": "other", "kind": "ellipse", "x": 700, "y": 200, "width": 60, "height": 40}}]')`);
      const ann = await scene.come({ name: "Ann" });
      await ann.open(scene.cluster.at(0).url, room);
      await until("the shapes are seen", async () => (await ann.ink()) > 100);
      await ann.page.keyboard.press("Control+a");
      const before = await rows(room);
      await open(ann);
      const dialog = ann.page.locator("dialog.dialog");
      await dialog.waitFor();
      const used = await tool(ann);
      for (const where of ["where it is", "after a click on its words", "after a click beside it"] as const) {
        if (where === "after a click on its words") await dialog.getByRole("heading").first().click();
        if (where === "after a click beside it") await ann.page.mouse.click(15, 400);
        for (const key of KEYS) await ann.page.keyboard.press(key);
        expect([await tool(ann), await opened(ann)], where).toEqual([used, 0]);
      }
      await ann.picture(`keys-${name}`);
      await ann.page.keyboard.press("Escape");
      await until("Escape closes it", async () => (await dialog.count()) === 0);
      await ann.draw("d", [300, 600], [360, 660]);
      await until("what is drawn afterwards is stored", async () => (await rows(room)).split(", ").length === 3);
      expect((await rows(room)).split(", ").filter((row) => /^(box|other) /.test(row)).join(", "), "and the others are where they were").toBe(before);
      await ann.context.close();
    });
  }
});
