import { describe, expect, it } from "vitest";
import { makeRoom } from "./node.js";
import { Scene } from "./scene.js";
import { until } from "./until.js";
import { Wire } from "./wire.js";

describe("a board whose database was put back", () => {
  const scene = new Scene(1);
  const rows = (room: string, what: string) => scene.cluster.sql(`select ${what} from pgcanvas.board_shapes where room = '${room}'`);
  const ids = (room: string) => rows(room, "coalesce(string_agg(id, ' ' order by id), '')");
  const roomId = (room: string) => `(select id from pgcanvas.rooms where slug = '${room}')`;

  /** The state of a room as of a copy: these shapes at these places, in another history. */
  async function putBack(room: string, copy: string): Promise<void> {
    await scene.cluster.sql(`begin;
      set local session_replication_role = replica;
      delete from pgcanvas.shapes where room_id = ${roomId(room)};
      insert into pgcanvas.shapes overriding system value select * from ${copy};
      set local session_replication_role = origin;
      select pgcanvas.new_epoch('${room}');
      commit`);
  }

  it("is shown exactly as it is stored, to who was there and to who was away, and what was not sent is, once", async () => {
    const room = await makeRoom(scene.cluster.at(0), "put-back");
    const wire = await Wire.to(scene.cluster.at(0).url);
    const [ann, bob] = [await scene.come({ name: "Ann" }), await scene.come({ name: "Bob" })];
    await ann.open(scene.cluster.at(0).url, room);
    await bob.open(wire.url, room);
    await scene.cluster.sql(`select pgcanvas.draw('${room}', '[{"op":"put","shape":{"id":"old","kind":"rectangle","x":100,"y":100,"width":100,"height":100,"background_color":"#a5d8ff","fill_style":"solid"}}]')`);
    await scene.cluster.sql(`create table public.copied as select * from pgcanvas.shapes where room_id = ${roomId(room)}`);
    await scene.cluster.sql(`select pgcanvas.draw('${room}', '[{"op":"put","shape":{"id":"new","kind":"rectangle","x":400,"y":100,"width":100,"height":100,"background_color":"#ffc9c9","fill_style":"solid"}},
      {"op":"patch","id":"old","set":{"background_color":"#b2f2bb"}}]')`);
    for (const person of [ann, bob]) await until("both are seen", async () => (await person.shows([255, 201, 201])) && person.shows([178, 242, 187]));
    wire.cut();
    await bob.draw("o", [500, 500], [600, 600]);
    await bob.says(/1 unsent/);
    await bob.page.close();
    await putBack(room, "public.copied");
    const isAsStored = async (person: typeof ann) => !(await person.shows([255, 201, 201])) && !(await person.shows([178, 242, 187])) && person.shows([165, 216, 255]);
    await until("Ann sees what is stored", () => isAsStored(ann));
    await ann.says("Live");
    wire.mend();
    await bob.newTab();
    await bob.open(wire.url, room);
    await until("what Bob had not sent is stored", async () => (await rows(room, "count(*) filter (where kind = 'ellipse')")) === "1");
    await until("Bob sees what is stored", () => isAsStored(bob));
    expect(await rows(room, "count(*)")).toBe("2");
    expect((await ids(room)).split(" ")).toContain("old");
    expect(await scene.cluster.sql(`select count(*) from pgcanvas.shape_changes where room_id = ${roomId(room)} and op = 'put' and change->'shape'->>'kind' = 'ellipse'`), "once").toBe("1");
    await bob.page.reload();
    await bob.says("Live");
    await until("and after a reload", () => isAsStored(bob));
    await bob.picture("put-back");
    expect([...ann.complaints, ...bob.complaints]).toEqual([]);
    wire.close();
    for (const one of [ann, bob]) await one.context.close();
  });
});
