import { describe, expect, it } from "vitest";
import { png } from "./given.js";
import { makeRoom } from "./node.js";
import { Person } from "./person.js";
import { Scene } from "./scene.js";
import { until } from "./until.js";

describe("pictures on a board", () => {
  const scene = new Scene(2);

  interface Picture {
    readonly name: string;
    readonly mimeType: string;
    readonly buffer: Buffer;
  }

  async function choose(person: Person, file: Picture, cursor = /wait|url/): Promise<void> {
    const [chooser] = await Promise.all([person.page.waitForEvent("filechooser"), person.page.keyboard.press("9")]);
    await chooser.setFiles(file);
    const shape = () => person.page.locator("canvas.interactive").evaluate((canvas: HTMLCanvasElement) => canvas.style.cursor);
    await until("the picture is at the pointer", async () => cursor.test(await shape()));
  }

  async function insert(person: Person, file: Picture): Promise<void> {
    // A click before the component holds the picture would place nothing, as would one of a hand as fast as this.
    await choose(person, file);
    await person.page.mouse.click(600, 400);
  }

  const files = (what: string) => scene.cluster.sql(`select ${what} from pgcanvas.files`);

  it("are stored once, seen by the other, and there after a reload", async () => {
    const room = await makeRoom(scene.cluster.at(0), "pictured");
    const [ann, bob] = [await scene.come({ name: "Ann" }), await scene.come({ name: "Bob" })];
    await ann.open(scene.cluster.at(0).url, room);
    await bob.open(scene.cluster.at(1).url, room);
    const red = { name: "red.png", mimeType: "image/png", buffer: png([200, 30, 40]) };
    await insert(ann, red);
    await until("the row names the file", async () => (await scene.cluster.sql(`select count(*) from pgcanvas.board_shapes b join pgcanvas.files f on f.sha256 = b.file_id where room = '${room}'`)) === "1");
    await until("Bob sees it", () => bob.shows([200, 30, 40]));
    await insert(bob, red);
    await until("two of one file", async () => (await scene.cluster.sql(`select count(*) from pgcanvas.board_shapes where room = '${room}' and kind = 'image'`)) === "2");
    expect(await files("count(*)")).toBe("1");
    await ann.page.reload();
    await ann.says("Live");
    await until("it is seen again", () => ann.shows([200, 30, 40]));
    await ann.picture("image");
    expect([...ann.complaints, ...bob.complaints]).toEqual([]);
    await ann.context.close();
    await bob.context.close();
  });

  it("that are SVG become points of colour", async () => {
    const room = await makeRoom(scene.cluster.at(0), "vector");
    const ann = await scene.come({ name: "Ann" });
    await ann.open(scene.cluster.at(0).url, room);
    const svg = `<svg xmlns="http://www.w3.org/2000/svg" width="120" height="80"><script>document.title='x'</script><rect width="120" height="80" fill="#1971c2"/></svg>`;
    await insert(ann, { name: "blue.svg", mimeType: "image/svg+xml", buffer: Buffer.from(svg) });
    await until("it is stored as what it is not", async () => (await scene.cluster.sql(`select media_type from pgcanvas.board_shapes b join pgcanvas.files f on f.sha256 = b.file_id where room = '${room}'`)) === "image/png");
    await until("it is seen", () => ann.shows([25, 113, 194]));
    expect(ann.complaints).toEqual([]);
    await ann.context.close();
  });

  it("that are none are refused in words for people, and leave nothing behind", async () => {
    const room = await makeRoom(scene.cluster.at(0), "broken");
    const ann = await scene.come({ name: "Ann" });
    await ann.open(scene.cluster.at(0).url, room);
    const [chooser] = await Promise.all([ann.page.waitForEvent("filechooser"), ann.page.keyboard.press("9")]);
    await chooser.setFiles({ name: "broken.png", mimeType: "image/png", buffer: Buffer.from("not a png") });
    await ann.page.getByRole("dialog").getByText("This picture cannot be read.").waitFor();
    await ann.page.locator(".Modal__background").click({ position: { x: 5, y: 5 } });
    await ann.draw("r", [300, 250], [400, 350]);
    await until("she goes on", async () => (await scene.cluster.sql(`select string_agg(kind, ' ') from pgcanvas.board_shapes where room = '${room}'`)) === "rectangle");
    expect(ann.complaints).toEqual([]);
    await ann.context.close();
  });

  it("that take long to prepare are told when they are there, and taken back as one", async () => {
    const room = await makeRoom(scene.cluster.at(0), "slow");
    const ann = await scene.come({ name: "Ann" });
    await ann.context.addInitScript(() => {
      const digest = crypto.subtle.digest.bind(crypto.subtle);
      crypto.subtle.digest = async (...given) => {
        await new Promise((resolve) => setTimeout(resolve, 500));
        return digest(...given);
      };
    });
    await ann.open(scene.cluster.at(0).url, room);
    await insert(ann, { name: "orange.png", mimeType: "image/png", buffer: png([200, 130, 40]) });
    const count = () => scene.cluster.sql(`select count(*), min(version) from pgcanvas.board_shapes where room = '${room}'`);
    await until("it is stored", async () => (await count()) === "1|1");
    await until("it is seen", () => ann.shows([200, 130, 40]));
    await ann.page.keyboard.press("Control+z");
    await until("it is gone", async () => (await count()) === "0|");
    expect(ann.complaints).toEqual([]);
    await ann.context.close();
  });

  it("that were chosen and never placed are not there for anybody", async () => {
    const room = await makeRoom(scene.cluster.at(0), "never-placed");
    const ann = await scene.come({ name: "Ann" });
    await ann.open(scene.cluster.at(0).url, room);
    const kinds = () => scene.cluster.sql(`select string_agg(kind || ' ' || (width > 0), ', ' order by kind, width) from pgcanvas.board_shapes where room = '${room}'`);
    await choose(ann, { name: "pink.png", mimeType: "image/png", buffer: png([230, 73, 128]) }, /url/);
    await ann.draw("r", [300, 200], [400, 300]);
    await until("what she drew instead is stored", async () => (await kinds()).includes("rectangle"));
    await choose(ann, { name: "teal.png", mimeType: "image/png", buffer: png([12, 133, 153]) }, /url/);
    await insert(ann, { name: "lime.png", mimeType: "image/png", buffer: png([116, 184, 22]) });
    await until("the picture is seen", () => ann.shows([116, 184, 22]));
    await ann.draw("o", [800, 500], [900, 600]);
    await until("what she placed and drew is stored, and no picture besides", async () => (await kinds()) === "ellipse true, image true, rectangle true");
    expect(ann.complaints).toEqual([]);
    await ann.context.close();
  });

  it("that were put there offline are sent when a node is back, also by the next page", async () => {
    const room = await makeRoom(scene.cluster.at(0), "offline-picture");
    const node = await scene.cluster.further();
    const port = Number(new URL(node.url).port);
    const ann = await scene.come({ name: "Ann" });
    await ann.open(node.url, room);
    await node.kill();
    await insert(ann, { name: "green.png", mimeType: "image/png", buffer: png([40, 160, 60]) });
    await until("it is seen here", () => ann.shows([40, 160, 60]));
    await ann.says(/unsent/);
    await ann.page.close();
    await scene.cluster.further(port);
    await ann.newTab();
    await ann.open(node.url, room);
    await until("the node has it", async () => (await scene.cluster.sql(`select count(*) from pgcanvas.board_shapes b join pgcanvas.files f on f.sha256 = b.file_id where room = '${room}'`)) === "1");
    await until("it is seen", () => ann.shows([40, 160, 60]));
    await ann.context.close();
  });

  it("that are pasted with a drawing get the names of their content", async () => {
    const room = await makeRoom(scene.cluster.at(0), "pasted");
    const [ann, bob] = [await scene.come({ name: "Ann" }), await scene.come({ name: "Bob" })];
    await ann.open(scene.cluster.at(0).url, room);
    await bob.open(scene.cluster.at(1).url, room);
    const id = "0123456789abcdef0123456789abcdef01234567";
    const image = { id: "pasted", type: "image", x: 0, y: 0, width: 80, height: 80, fileId: id, status: "saved", scale: [1, 1], version: 1, versionNonce: 1, seed: 1 };
    const file = { id, mimeType: "image/png", dataURL: `data:image/png;base64,${png([112, 72, 232]).toString("base64")}`, created: 1 };
    await ann.page.mouse.click(640, 400);
    await ann.page.evaluate((text) => {
      const clipboardData = new DataTransfer();
      clipboardData.setData("text/plain", text);
      document.dispatchEvent(new ClipboardEvent("paste", { clipboardData, bubbles: true }));
    }, JSON.stringify({ type: "excalidraw/clipboard", elements: [image], files: { [id]: file } }));
    await until("the row names the file", async () => (await scene.cluster.sql(`select count(*) from pgcanvas.board_shapes b join pgcanvas.files f on f.sha256 = b.file_id where room = '${room}'`)) === "1");
    await until("Bob sees it", () => bob.shows([112, 72, 232]));
    expect([...ann.complaints, ...bob.complaints]).toEqual([]);
    await ann.context.close();
    await bob.context.close();
  });

  it("and of boards, on the start page", async () => {
    const room = await makeRoom(scene.cluster.at(0), "drawn-on");
    const ann = await scene.come({ name: "Ann" });
    await ann.open(scene.cluster.at(0).url, room);
    await ann.draw("r", [300, 250], [450, 350]);
    await ann.page.keyboard.press("Enter");
    await ann.page.keyboard.type("Plan");
    await ann.page.keyboard.press("Escape");
    await ann.draw("d", [600, 240], [740, 360]);
    await ann.draw("a", [455, 300], [595, 300]);
    await ann.draw("p", [300, 450], [740, 500]);
    await ann.draw("o", [800, 240], [900, 340]);
    await until("all are stored", async () => (await scene.cluster.sql(`select count(*) from pgcanvas.board_shapes where room = '${room}'`)) === "6");
    await makeRoom(scene.cluster.at(0), "nothing-yet");
    for (const dark of [false, true]) {
      const bob = await scene.come(dark ? { dark, width: 390, height: 844 } : {});
      await bob.page.goto(scene.cluster.at(1).url);
      const card = bob.page.locator(".rooms a", { hasText: "drawn-on" });
      await card.scrollIntoViewIfNeeded();
      await until("the picture is there", () => card.locator("img").evaluate((image: HTMLImageElement) => image.complete && image.naturalWidth > 0));
      expect(await card.innerText()).toMatch(/6 shapes · .*\s+by Guest \w{4}/);
      await bob.picture(dark ? "rooms-phone-dark" : "rooms");
      expect(bob.complaints).toEqual([]);
      await bob.context.close();
    }
    await ann.page.goto(scene.cluster.at(0).url);
    await until("Ann knows her own name", async () => /by Ann/.test(await ann.page.locator(".rooms a", { hasText: "drawn-on" }).innerText()));
    await ann.context.close();
  });
});
