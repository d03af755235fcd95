import { beforeEach, describe, expect, it } from "vitest";
import { Presence } from "../src/presence.js";
import type { Peer } from "../src/wire.js";
import { HandClock } from "./clock.js";

const peer = (session: string): Peer => ({ session, user: "u", name: "n", color: "#000", state: {} });

describe("presence", () => {
  let clock: HandClock;
  let sent: unknown[];
  let presence: Presence;
  const move = (times: number, everyMs: number) => {
    for (let at = 0; at < times; at += 1) {
      presence.say({ cursor: [at + sent.length * 1000, 0] });
      clock.pass(everyMs);
    }
  };
  const come = (...sessions: string[]) => presence.told({ type: "presence", room: "r", peers: sessions.map(peer), left: [] });

  beforeEach(() => {
    [clock, sent] = [new HandClock(), []];
    presence = new Presence(clock, (state) => sent.push(state) > 0);
  });

  it("is told 30 times a second at most when others are there", () => {
    come("a", "b");
    move(500, 4);
    expect(sent.length).toBeGreaterThan(50);
    expect(sent.length).toBeLessThanOrEqual(61);
  });

  it("is told once a second when nobody is there", () => {
    come("a");
    move(500, 4);
    expect(sent.length).toBeLessThanOrEqual(3);
  });

  it("ends with the newest state, and does not repeat it", () => {
    come("a", "b");
    presence.say({ cursor: [1, 1] });
    presence.say({ cursor: [2, 2] });
    presence.say({ cursor: [3, 3] });
    clock.pass(5000);
    presence.say({ cursor: [3, 3] });
    clock.pass(5000);
    expect(sent).toEqual([{ cursor: [1, 1] }, { cursor: [3, 3] }]);
  });

  it("is told soon to whoever comes", () => {
    come("a");
    presence.say({ cursor: [1, 1] });
    presence.say({ cursor: [2, 2] });
    expect(sent.length).toBe(1);
    come("b");
    clock.pass(40);
    expect(sent.at(-1)).toEqual({ cursor: [2, 2] });
  });

  it("forgets who left", () => {
    come("a", "b");
    presence.told({ type: "presence", room: "r", peers: [], left: ["b"] });
    expect([...presence.peers.keys()]).toEqual(["a"]);
  });
});
