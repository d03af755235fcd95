import { chromium, type Browser, type BrowserContext, type Page } from "playwright-core";
import { join } from "node:path";
import { until } from "./until.js";

const CHROMIUM = process.env["PGCANVAS_CHROMIUM"] ?? "/usr/bin/chromium";
const PICTURES = process.env["PGCANVAS_E2E_PICTURES"];

/** A browser for a run. */
export function openBrowser(): Promise<Browser> {
  return chromium.launch({ executablePath: CHROMIUM, args: ["--no-sandbox", "--disable-gpu"] });
}

/** How a person comes. */
export interface Coming {
  readonly name?: string;
  readonly width?: number;
  readonly height?: number;
  readonly dark?: boolean;
  readonly locale?: string;
}

/** Somebody in front of a browser of their own. What its console complains of is kept. */
export class Person {
  readonly complaints: string[] = [];
  page!: Page;

  private constructor(readonly context: BrowserContext) {}

  static async come(browser: Browser, { name, width = 1280, height = 800, dark = false, locale = "en-US" }: Coming = {}): Promise<Person> {
    const context = await browser.newContext({
      viewport: { width, height }, colorScheme: dark ? "dark" : "light", hasTouch: width < 500, isMobile: width < 500, locale,
    });
    // Files are asked for in the way that a test can answer.
    await context.addInitScript(() => Reflect.deleteProperty(window, "showOpenFilePicker"));
    if (name !== undefined) await context.addInitScript((called) => localStorage.setItem("pgcanvas.name", called), name);
    const person = new Person(context);
    await person.newTab();
    return person;
  }

  /** A tab of the same browser. */
  async newTab(): Promise<Page> {
    this.page = await this.context.newPage();
    // Somebody must listen before one is asked for: the browser is told late.
    this.page.on("filechooser", () => undefined);
    this.page.on("console", (message) => {
      // A picture that somebody else is still sending is asked for until it is there.
      if (/404/.test(message.text()) && /\/api\/files\//.test(message.location().url)) return;
      if (message.type() === "error" || /Content Security Policy|Refused to/.test(message.text())) this.complaints.push(message.text());
    });
    this.page.on("pageerror", (failure) => this.complaints.push(String(failure)));
    return this.page;
  }

  /** Opens a room and waits for its board. */
  async open(url: string, room: string): Promise<void> {
    await this.page.goto(`${url}/r/${room}`);
    await this.page.waitForSelector("canvas.interactive", { timeout: 30_000 });
    await this.says("Live");
  }

  /** Waits until the status says so. */
  async says(text: string | RegExp): Promise<void> {
    const pill = this.page.locator(".status-pill[role=status]:visible");
    await until(`the status says ${text}`, async () => {
      const said = await pill.first().innerText();
      return typeof text === "string" ? said.trim() === text : text.test(said);
    });
  }

  /** Draws with a tool, given by its key, from one point to another. */
  async draw(key: string, from: readonly [number, number], to: readonly [number, number], steps = 8): Promise<void> {
    await this.page.keyboard.press(key);
    await this.page.mouse.move(...from);
    await this.page.mouse.down();
    for (let step = 1; step <= steps; step += 1) {
      await this.page.mouse.move(from[0] + ((to[0] - from[0]) * step) / steps, from[1] + ((to[1] - from[1]) * step) / steps);
    }
    await this.page.mouse.up();
  }

  /** Chooses an item of the board's menu. */
  async choose(item: string): Promise<void> {
    await this.page.getByTestId("main-menu-trigger").click();
    await this.page.getByTestId("dropdown-menu").getByText(item, { exact: true }).click();
  }

  /** Keeps a picture of the page, where pictures are wanted. */
  async picture(name: string): Promise<void> {
    if (PICTURES) await this.page.screenshot({ path: join(PICTURES, `${name}.png`) });
  }

  /** What can be told of a test that failed: a picture of the page, its status, what it asked the node for, what its console complained of. */
  async tell(path: string): Promise<string> {
    await this.page.screenshot({ path, timeout: 5000 });
    const told = await this.page.evaluate(() => ({
      at: Math.round(performance.now()),
      status: document.querySelector(".status-pill")?.textContent,
      asked: (performance.getEntriesByType("resource") as PerformanceResourceTiming[])
        .filter(({ name }) => name.includes("/api/"))
        .map(({ name, responseStatus, startTime, duration }) => `${new URL(name).pathname} ${responseStatus} at ${Math.round(startTime)} for ${Math.round(duration)} ms`),
    }));
    return JSON.stringify({ ...told, complaints: this.complaints }, undefined, 1);
  }

  /** How many points of the board's picture are not of its background's colour. */
  async ink(layer: "static" | "interactive" = "static"): Promise<number> {
    return this.page.locator(`canvas.${layer}`).evaluate((canvas: HTMLCanvasElement) => {
      const { data } = canvas.getContext("2d")!.getImageData(0, 0, canvas.width, canvas.height);
      let count = 0;
      for (let at = 0; at < data.length; at += 4) {
        if (data[at]! !== data[0]! || data[at + 1]! !== data[1]! || data[at + 2]! !== data[2]!) count += 1;
      }
      return count;
    });
  }

  /** How far from the left the ink of the board's picture begins, or ends. */
  async left(end = false): Promise<number> {
    return this.page.locator("canvas.static").evaluate((canvas: HTMLCanvasElement, ends) => {
      const { data, width, height } = canvas.getContext("2d")!.getImageData(0, 0, canvas.width, canvas.height);
      const isInk = (x: number, y: number) => [0, 1, 2].some((part) => data[(y * width + x) * 4 + part] !== data[part]);
      const columns = Array.from({ length: width }, (_, at) => (ends ? width - 1 - at : at));
      const rows = Array.from({ length: height }, (_, at) => at);
      return columns.find((x) => rows.some((y) => isInk(x, y))) ?? -1;
    }, end);
  }

  /** Whether a colour, roughly, is on the board's picture. */
  async shows([red, green, blue]: readonly [number, number, number]): Promise<boolean> {
    return this.page.locator("canvas.static").evaluate((canvas: HTMLCanvasElement, wanted) => {
      const { data } = canvas.getContext("2d")!.getImageData(0, 0, canvas.width, canvas.height);
      const near = (at: number, value: number) => Math.abs(data[at]! - value) < 12;
      for (let at = 0; at < data.length; at += 4) {
        if (near(at, wanted[0]!) && near(at + 1, wanted[1]!) && near(at + 2, wanted[2]!)) return true;
      }
      return false;
    }, [red, green, blue]);
  }
}
