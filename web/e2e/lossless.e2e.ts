import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import type { Shape } from "@pgcanvas/client";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { fromRow, toRow, TRANSPORT, type Element } from "../board/src/mapping/index.js";
import { Cluster, makeRoom } from "./node.js";

const folder = join(import.meta.dirname, "../board/test/files");
const passport = { version: 1, versionNonce: 2, updated: 3 };

describe("elements that were rows of PostgreSQL", () => {
  let cluster: Cluster;

  beforeAll(async () => {
    cluster = await Cluster.start();
  });

  afterAll(() => cluster?.stop());

  for (const file of readdirSync(folder)) {
    it(`come back as they were: ${file}`, async () => {
      const { elements } = JSON.parse(readFileSync(join(folder, file), "utf8")) as { elements: Element[] };
      const room = await makeRoom(cluster.at(0), file.replace(/\W/g, "-"));
      const at = `${cluster.at(0).url}/api/rooms/${room}`;
      const ops = elements.map((element) => ({ op: "put", shape: toRow(element) }));
      const body = JSON.stringify({ client: "6f1d2a3e-0000-4000-8000-000000000001", op_id: 1, ops });
      const answer = await fetch(`${at}/ops`, { method: "POST", body });
      expect(await answer.json()).toMatchObject({ type: "ack" });
      const { shapes } = (await (await fetch(`${at}/shapes`)).json()) as { shapes: Shape[] };
      const back = new Map(shapes.map((row) => [row.id, drawn(fromRow(row, passport))]));
      for (const element of elements) expect(back.get(element.id)).toEqual(drawn(element));
    });
  }
});

/** The element without what says how a copy travels. */
function drawn(given: Element): unknown {
  return Object.fromEntries(Object.entries(given).filter(([name]) => !TRANSPORT.has(name)));
}
