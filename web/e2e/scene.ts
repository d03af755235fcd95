import type { Browser } from "playwright-core";
import { join } from "node:path";
import { afterAll, afterEach, beforeAll } from "vitest";
import { Cluster } from "./node.js";
import { openBrowser, Person, type Coming } from "./person.js";

/** Where it is kept what people saw when a test failed. */
const FAILED = join(import.meta.dirname, "failed");

/** What a group of tests plays on: nodes on one database, and a browser; there from its first test to its last. */
export class Scene {
  private built: { readonly cluster: Cluster; readonly browser: Browser } | undefined;
  /** Who came in this test. */
  private people: Person[] = [];

  /** Builds it before the tests of the group that this is called in. */
  constructor(nodes: 1 | 2) {
    beforeAll(async () => {
      const browser = await openBrowser();
      const cluster = await Cluster.start();
      this.built = { cluster, browser };
      if (nodes === 2) await cluster.further();
    });
    afterEach(async ({ task }) => {
      const people = this.people.splice(0);
      if (task.result?.state !== "fail") return;
      for (const [at, person] of people.entries()) {
        const path = join(FAILED, `${task.name.replace(/\W+/g, "-")}-${at}.png`);
        // It has failed already: what cannot be seen is no further failure.
        console.log(path, await person.tell(path).catch(String));
        await person.context.close().catch(() => undefined);
      }
    });
    afterAll(async () => {
      await this.built?.browser.close();
      await this.built?.cluster.stop();
    });
  }

  get cluster(): Cluster {
    return this.there.cluster;
  }

  /** Somebody with a browser's profile of their own. */
  async come(how: Coming = {}): Promise<Person> {
    const person = await Person.come(this.there.browser, how);
    this.people.push(person);
    return person;
  }

  private get there(): { readonly cluster: Cluster; readonly browser: Browser } {
    if (!this.built) throw new Error("the scene is not built yet");
    return this.built;
  }
}
