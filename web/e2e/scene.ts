import type { Browser } from "playwright-core";
import { afterAll, beforeAll } from "vitest";
import { Cluster } from "./node.js";
import { openBrowser, Person, type Coming } from "./person.js";

/** What a group of tests plays on: nodes on one database, and a browser; there from its first test to its last. */
export class Scene {
  private built: { readonly cluster: Cluster; readonly browser: Browser } | undefined;

  /** Builds it before the tests of the group that this is called in. */
  constructor(nodes: 1 | 2) {
    beforeAll(async () => {
      const browser = await openBrowser();
      const cluster = await Cluster.start();
      this.built = { cluster, browser };
      if (nodes === 2) await cluster.further();
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
  come(how: Coming = {}): Promise<Person> {
    return Person.come(this.there.browser, how);
  }

  private get there(): { readonly cluster: Cluster; readonly browser: Browser } {
    if (!this.built) throw new Error("the scene is not built yet");
    return this.built;
  }
}
