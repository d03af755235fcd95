import { beforeEach, describe, expect, it } from "vitest";
import { Connection, type ConnectionState } from "../src/connection/connection.js";
import { HandClock } from "./clock.js";
import { FakeSocket } from "./socket.js";

describe("a connection", () => {
  let clock: HandClock;
  let sockets: FakeSocket[];
  let states: ConnectionState[];
  let connection: Connection;
  const last = () => sockets.at(-1) as FakeSocket;

  beforeEach(() => {
    [clock, sockets, states] = [new HandClock(), [], []];
    const openSocket = (address: string) => {
      sockets.push(new FakeSocket(address));
      return last();
    };
    const settings = { addresses: ["ws://a", "ws://b"], client: "c", key: "k", name: () => "Ann", openSocket, clock };
    connection = new Connection(settings, { up: () => {}, down: () => {}, frame: () => {}, state: (state) => states.push(state) });
    connection.start();
  });

  it("says hello first, and is up when it is welcomed", () => {
    expect(connection.send({ type: "ops" })).toBe(false);
    last().welcome();
    expect(last().sent).toEqual([{ type: "hello", protocol: 1, client: "c", key: "k", name: "Ann" }]);
    expect(states).toEqual(["up"]);
    expect(connection.send({ type: "ops" })).toBe(true);
  });

  it("comes back at once, to another node, when a node says goodbye", () => {
    last().welcome();
    clock.pass(5000);
    last().onclose?.({ code: 1001 });
    clock.pass(0);
    expect(sockets.map(({ address }) => address)).toEqual(["ws://a", "ws://b"]);
  });

  it("does not come back at once to a node that lets it go at once", () => {
    last().welcome();
    last().onclose?.({ code: 1001 });
    clock.pass(10);
    expect(sockets.length).toBe(1);
  });

  it("waits longer after every failure, up to 15 s, half of it by chance, and says when it is offline", () => {
    const pauses: number[] = [];
    for (let failure = 0; failure < 9; failure += 1) {
      const [before, began] = [sockets.length, clock.now()];
      last().onclose?.({ code: 1006 });
      while (sockets.length === before) clock.pass(5);
      pauses.push(clock.now() - began);
    }
    expect(pauses.slice(0, 3)).toEqual([125, 250, 500]);
    expect(pauses.at(-1)).toBe(7500);
    expect(states).toEqual(["offline"]);
    clock.chance = 0.999;
    const before = sockets.length;
    last().onclose?.({ code: 1006 });
    clock.pass(14_900);
    expect(sockets.length).toBe(before);
  });

  it("tries now when it is nudged, and once only", () => {
    last().onclose?.({ code: 1006 });
    connection.nudge();
    connection.nudge();
    clock.pass(2000);
    expect(sockets.length).toBe(2);
  });

  it("asks a silent node for a sign of life, and leaves it when none comes", () => {
    last().welcome();
    clock.pass(16_000);
    expect(last().sent.at(-1)).toEqual({ type: "ping" });
    last().onmessage?.({ data: '{"type":"pong"}' });
    clock.pass(16_000);
    const silent = last();
    clock.pass(16_000);
    expect(silent.closed).toBe(true);
    expect(sockets.length).toBeGreaterThan(1);
  });

  it("gives up a socket that is not welcomed", () => {
    clock.pass(10_000);
    expect(last().closed || sockets.length > 1).toBe(true);
  });

  it("does not come back where that is of no use", () => {
    last().welcome();
    last().onclose?.({ code: 4409 });
    clock.pass(100_000);
    expect([sockets.length, connection.state]).toEqual([1, "stopped"]);
  });
});
