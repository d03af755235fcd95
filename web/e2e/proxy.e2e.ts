import { spawn, type ChildProcess } from "node:child_process";
import { existsSync } from "node:fs";
import { chmod, mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, describe, expect, it } from "vitest";
import { freePort, makeRoom } from "./node.js";
import { Scene } from "./scene.js";
import { until } from "./until.js";

const NGINX = ["/usr/sbin/nginx", "/usr/local/sbin/nginx", "/opt/homebrew/bin/nginx"].find(existsSync);
const HOST_LINE = "proxy_set_header Host $http_host;";

/** The README's block, as it stands there. */
async function recipe(): Promise<string> {
  const text = await readFile(join(import.meta.dirname, "../../README.md"), "utf8");
  const block = /```nginx\n([\s\S]*?)```/.exec(text)?.[1];
  if (block === undefined || !block.includes(HOST_LINE)) throw new Error("the README has no block for nginx that passes the host on");
  return block;
}

// Where it is missing they are skipped; where changes are checked it must be there.
describe.skipIf(NGINX === undefined && process.env["CI"] !== "true")("behind nginx as the README sets it up", () => {
  const scene = new Scene(1);
  const ended: (() => Promise<void>)[] = [];
  afterEach(async () => {
    for (const end of ended.splice(0)) await end();
  });

  /** A proxy before the node; gives its address. */
  async function proxy(change: (block: string) => string, port?: number): Promise<string> {
    const folder = await mkdtemp(join(tmpdir(), "pgcanvas-nginx-"));
    await chmod(folder, 0o755);
    const front = `127.0.0.1:${port ?? (await freePort())}`;
    const node = scene.cluster.at(0).url.replace("http://", "");
    const block = change(await recipe()).replace("listen 80;", `listen ${front};`).replace(/10\.0\.0\.\d:8080/g, node);
    const temporary = ["client_body", "proxy", "fastcgi", "uwsgi", "scgi"].map((what) => `${what}_temp_path ${folder}/${what};`).join("\n");
    const file = join(folder, "nginx.conf");
    await writeFile(file, `daemon off; pid ${folder}/pid; error_log ${folder}/error.log;\nevents { }\nhttp { access_log off;\n${temporary}\n${block} }\n`);
    const child: ChildProcess = spawn(NGINX!, ["-e", join(folder, "error.log"), "-c", file], { stdio: "ignore" });
    const gone = new Promise((resolve) => child.once("exit", resolve));
    ended.push(async () => {
      child.kill("SIGTERM");
      await gone;
      await rm(folder, { recursive: true, force: true });
    });
    await until("nginx answers", async () => (await fetch(`http://${front}/healthz`)).ok);
    return `http://${front}`;
  }

  it("lets people make rooms and draw", async () => {
    const url = await proxy((block) => block);
    const ann = await scene.come({ name: "Ann" });
    await ann.page.goto(url);
    await ann.page.getByLabel("New room").fill("through-nginx");
    await ann.page.getByRole("button", { name: "Open" }).click();
    await ann.says("Live");
    await ann.draw("r", [400, 250], [700, 400]);
    await until("it is stored", async () => (await scene.cluster.sql("select count(*) from pgcanvas.board_shapes where room = 'through-nginx'")) === "1");
    expect(ann.complaints).toEqual([]);
    await ann.context.close();
  });

  it("is told what is missing, where the host is not passed on, and comes in when it is", async () => {
    const port = await freePort();
    const url = await proxy((block) => block.replace(HOST_LINE, ""), port);
    const room = await makeRoom(scene.cluster.at(0), "hidden-host");
    const ann = await scene.come({ name: "Ann" });
    await ann.page.goto(url);
    await ann.page.getByRole("button", { name: "Open" }).click();
    const said = ann.page.getByRole("alert");
    await until("the start page says it", async () => /127\.0\.0\.1:\d+, but .* asked as pgcanvas.*proxy_set_header Host \$http_host/.test(await said.first().innerText()));
    await ann.picture("proxy-start");
    await ann.page.goto(`${url}/r/${room}`);
    await until("the board's page says it", async () => /asked as pgcanvas.*proxy_set_header Host \$http_host/.test(await said.first().innerText()));
    expect(await ann.page.getByText("No node answers").count()).toBe(0);
    await ann.picture("proxy-board");
    for (const end of ended.splice(0)) await end();
    await proxy((block) => block, port);
    await ann.says("Live");
    // A board that the browser keeps is shown, with the reason.
    for (const end of ended.splice(0)) await end();
    await proxy((block) => block.replace(HOST_LINE, ""), port);
    await ann.says(/Refused/);
    expect(await ann.page.locator(".status-pill[role=status]").first().getAttribute("title")).toMatch(/proxy_set_header Host/);
    await ann.picture("proxy-kept");
    await ann.context.close();
  });
});
