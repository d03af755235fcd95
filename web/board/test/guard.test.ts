import type { Room } from "@pgcanvas/client";
import { createElement } from "react";
import { renderToStaticMarkup } from "react-dom/server";
import { describe, expect, it, vi } from "vitest";
import { Guard } from "../src/page/Guard.js";

// The page's session wants a browser.
vi.mock("../src/page/session.js", () => ({ useStatus: ({ status }: Room) => status }));

/** What a person sees of a board that threw this, by the guard's own way from an error to a page. */
function seen(thrown: unknown, status: object): string {
  const room = { name: "design", status } as unknown as Room;
  class Fallen extends Guard {
    override state = Guard.getDerivedStateFromError(thrown);
  }
  return renderToStaticMarkup(createElement(Fallen, { room, children: "the board" }));
}

describe("a board that breaks", () => {
  it("says so, with the error's words and a way to go on", () => {
    const page = seen(new Error("invalid order key head: 5"), { unsent: 0, durable: true });
    for (const words of ["“design” could not be shown", "invalid order key head: 5", "Load it again", "All rooms"]) expect(page).toContain(words);
    for (const words of ["the board<", "were not sent"]) expect(page).not.toContain(words);
    expect(seen("bare words", { unsent: 0, durable: true })).toContain("bare words");
  });

  it("says what becomes of what was not sent", () => {
    expect(seen(new Error("x"), { unsent: 3, durable: true })).toContain("3 of your changes were not sent. They are kept in this browser.");
    expect(seen(new Error("x"), { unsent: 1, durable: false })).toContain("Keep this tab open");
  });

  it("is not in the way of one that does not", () => {
    expect(renderToStaticMarkup(createElement(Guard, { room: { name: "design" } as Room, children: "the board" }))).toBe("the board");
  });
});
