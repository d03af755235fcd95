import { beforeEach, describe, expect, it } from "vitest";
import { Client } from "../src/client.js";
import type { Rejection } from "../src/core/news.js";
import type { Room, Status } from "../src/room.js";
import { MemoryStore } from "../src/storage/store.js";
import { HandClock } from "./clock.js";
import { FakeSocket } from "./socket.js";

const CLIENT = "6f1d2a3e-0000-4000-8000-000000000001";
const box = { id: "a", kind: "rectangle", x: 0, y: 0, width: 1, height: 1 };
const put = { op: "put", shape: box } as const;

describe("rights", () => {
  let sockets: FakeSocket[];
  let client: Client;
  let room: Room;
  let signedOut: number;
  const last = () => sockets.at(-1) as FakeSocket;
  const sent = (type: string) => last().sent.filter((frame) => frame.type === type);
  const joined = (role: string) => last().hear({ type: "joined", room: "r", role, epoch: "e", seq: 1, mode: "snapshot", added: [], modified: [], deleted: [], more: false });

  beforeEach(async () => {
    [sockets, signedOut] = [[], 0];
    const openSocket = (address: string) => {
      sockets.push(new FakeSocket(address));
      return last();
    };
    client = await Client.open({
      addresses: ["ws://a/ws"], name: "Ann", token: "t1", store: new MemoryStore(CLIENT), clock: new HandClock(), openSocket, signedOut: () => (signedOut += 1),
    });
    room = await client.join("r", { link: "let-me-in", role: "editor" });
    last().welcome();
  });

  it("are asked for by the sign-in and by the link, on every connection", () => {
    expect(sent("hello")).toEqual([{ type: "hello", protocol: 1, client: CLIENT, key: expect.stringMatching(/^[0-9a-f]{64}$/), name: "Ann", token: "t1" }]);
    expect(sent("join")).toEqual([{ type: "join", room: "r", link: "let-me-in" }]);
    joined("editor");
    last().onclose?.({ code: 1001 });
    client.signIn("t2");
    last().welcome();
    expect([sent("hello")[0]?.["token"], sent("join")[0]?.["link"], sent("join")[0]?.["since"]]).toEqual(["t2", "let-me-in", 1]);
  });

  it("to look alone: nothing that is done is shown or sent, whatever it is", async () => {
    joined("viewer");
    expect([room.viewOnly, room.status.role]).toEqual([true, "viewer"]);
    expect(room.edit([put])).toBe(0);
    expect([await room.undo(), await room.redo()]).toEqual(["forbidden", "forbidden"]);
    expect([[...room.shapes()], room.status.unsent]).toEqual([[], 0]);
    room.present({ cursor: [1, 2] });
    expect(new Set(last().sent.map(({ type }) => type)), "but one is seen").toEqual(new Set(["hello", "join", "presence"]));
  });

  it("change while one is there: what was drawn before is refused by the node, and taken back", () => {
    joined("editor");
    const rejected: Rejection[] = [];
    const told: Status[] = [];
    room.on("reject", (rejection) => rejected.push(rejection));
    room.on("status", (status) => told.push(status));
    room.edit([put]);
    expect(room.shape("a")).toBeDefined();
    last().hear({ type: "reject", room: "r", op_id: sent("ops")[0]?.["op_id"], code: "forbidden", message: "no", shapes: [] });
    expect([room.shape("a"), rejected[0]?.code]).toEqual([undefined, "forbidden"]);
    joined("viewer");
    expect(told.at(-1)).toMatchObject({ phase: "live", role: "viewer" });
  });

  it("are missing: the room says so with a code, and opens when they come", () => {
    last().hear({ type: "error", code: "forbidden", message: "room: you may not", room: "r" });
    expect(room.status).toMatchObject({ phase: "refused", code: "forbidden" });
    client.signIn("t2");
    last().welcome();
    joined("owner");
    expect(room.status).toEqual({ phase: "live", role: "owner", unsent: 0, durable: false });
  });

  it("ran out: the page is told, and goes on as a guest", () => {
    last().onclose?.({ code: 4401 });
    expect([signedOut, room.status.phase]).toEqual([1, "refused"]);
    client.signIn(undefined);
    expect(room.status.phase).toBe("reconnecting");
    last().welcome();
    expect(sent("hello")).toEqual([{ type: "hello", protocol: 1, client: CLIENT, key: sockets[0]?.sent[0]?.["key"], name: "Ann" }]);
    joined("editor");
    expect(room.status.phase).toBe("live");
  });
});
