import { existsSync, readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { Story, type Scenario } from "./story.js";

const folder = process.env["PGCANVAS_SCENARIOS"] ?? join(import.meta.dirname, "../../../tests/scenarios");

describe.skipIf(!existsSync(folder))("the scenarios that every client passes", () => {
  const files = existsSync(folder) ? readdirSync(folder).filter((name) => name.endsWith(".json")) : [];

  it("are there", () => {
    expect(files.length).toBeGreaterThan(20);
  });

  for (const file of files) {
    const scenario = JSON.parse(readFileSync(join(folder, file), "utf8")) as Scenario;
    it(`${file}: ${scenario.name}`, () => {
      const story = new Story(scenario);
      for (const step of scenario.steps) story.play(step);
    });
  }
});
