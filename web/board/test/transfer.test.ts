import { describe, expect, it } from "vitest";
import type { Element } from "../src/mapping/index.js";
import { addressOf, tokenIn } from "../src/page/share/links.js";
import { fresh, namedFirst } from "../src/page/transfer/fresh.js";

const drawing: Element[] = [
  { id: "box", type: "rectangle", index: "a0", groupIds: ["g"], frameId: "f", boundElements: [{ id: "word", type: "text" }, { id: "arrow", type: "arrow" }] },
  { id: "word", type: "text", index: "a1", groupIds: ["g"], containerId: "box", boundElements: null },
  { id: "arrow", type: "arrow", index: "a2", groupIds: [], startBinding: { elementId: "box", focus: 0.1 }, endBinding: { elementId: "elsewhere" } },
  { id: "f", type: "frame", index: "a3", groupIds: [], frameId: null },
];

describe("what is imported", () => {
  const names = () => {
    let count = 0;
    return () => `n${(count += 1)}`;
  };

  it("keeps its names where they are free, and comes to lie on top", () => {
    expect(fresh(drawing, () => false, names())).toEqual(drawing.map((element) => ({ ...element, index: null })));
  });

  it("is sent so that what is named is there before what names it", () => {
    expect(namedFirst(drawing).map(({ id }) => id)).toEqual(["f", "box", "arrow", "word"]);
  });

  it("gets new names when one is taken, and refers to itself as before", () => {
    const [box, word, arrow, frame] = fresh(drawing, (id) => id === "word", names()) as [Element, Element, Element, Element];
    expect(new Set([box.id, word.id, arrow.id, frame.id])).toEqual(new Set(["n1", "n2", "n3", "n4"]));
    expect(box).toMatchObject({ frameId: frame.id, boundElements: [{ id: word.id, type: "text" }, { id: arrow.id, type: "arrow" }] });
    expect(word).toMatchObject({ containerId: box.id, groupIds: box["groupIds"], boundElements: null });
    expect(box["groupIds"]).not.toEqual(["g"]);
    expect(arrow).toMatchObject({ startBinding: { elementId: box.id, focus: 0.1 }, endBinding: { elementId: "elsewhere" } });
  });
});

describe("a link", () => {
  it("is read out of the address that hands it on, and out of nothing else", () => {
    const address = new URL(addressOf("https://board.example.org", "design", "Ab_9-z"));
    expect([address.pathname, tokenIn(address.hash)]).toEqual(["/r/design", "Ab_9-z"]);
    for (const hash of ["", "#", "#link=", "#link=a b", "#link=<b>", "#other=x", "link=x"]) expect(tokenIn(hash)).toBeUndefined();
    expect(addressOf("https://board.example.org", "design")).toBe("https://board.example.org/r/design");
  });
});
