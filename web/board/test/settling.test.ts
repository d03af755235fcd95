import type { Status } from "@pgcanvas/client";
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { Settling } from "../src/page/settling.js";

describe("what the page says of the connection", () => {
  let said: string[];
  let settling: Settling;
  /** So it is now; the oldest that waits is so old. */
  const be = (phase: Status["phase"], unsent = 0, ageMs = 0) => settling.take({ phase, unsent, durable: true, ...(unsent > 0 && { unsentSinceMs: Date.now() - ageMs }) });

  beforeEach(() => {
    vi.useFakeTimers();
    said = [];
    settling = new Settling(({ phase, unsent }) => said.push(`${phase} ${unsent}`));
    be("live");
    said.length = 0;
  });
  afterEach(() => vi.useRealTimers());

  it("is told 600 ms after it began to be true, however often it changes meanwhile, and kept true from then on", () => {
    be("reconnecting");
    for (let drawn = 1; drawn <= 5; drawn += 1) {
      vi.advanceTimersByTime(100);
      be("reconnecting", drawn, drawn * 100 - 100);
    }
    expect(said).toEqual([]);
    vi.advanceTimersByTime(100);
    expect(said).toEqual(["reconnecting 5"]);
    be("offline", 6);
    be("live", 3);
    be("live");
    expect(said.slice(1)).toEqual(["offline 6", "live 3", "live 0"]);
  });

  it("counts the time from the first thing that was amiss, whatever follows it", () => {
    be("live", 1);
    vi.advanceTimersByTime(400);
    be("reconnecting", 2, 400);
    vi.advanceTimersByTime(100);
    be("live", 2, 500);
    vi.advanceTimersByTime(99);
    expect(said).toEqual([]);
    vi.advanceTimersByTime(1);
    expect(said).toEqual(["live 2"]);
  });

  it("is told of a node that does not confirm what is drawn, while one draws on", () => {
    for (let drawn = 1; drawn <= 7; drawn += 1) {
      be("live", drawn, (drawn - 1) * 100);
      vi.advanceTimersByTime(100);
    }
    expect(said).toEqual(["live 6", "live 7"]);
  });

  it("is told of a node that confirms less than is drawn", () => {
    for (let drawn = 1; drawn <= 20; drawn += 1) {
      be("live", drawn, drawn * 50);
      vi.advanceTimersByTime(100);
    }
    expect(said[0]).toBe("live 10");
  });

  it("is nothing while each batch is confirmed in good time, though others are always on their way", () => {
    for (let drawn = 1; drawn <= 100; drawn += 1) {
      be("live", 3, 300);
      vi.advanceTimersByTime(100);
    }
    expect(said).toEqual([]);
    be("live");
    expect(said).toEqual(["live 0"]);
  });

  it("is nothing where it passes in a moment", () => {
    be("reconnecting");
    vi.advanceTimersByTime(500);
    be("live");
    vi.advanceTimersByTime(5000);
    expect(said).toEqual(["live 0"]);
  });
});
