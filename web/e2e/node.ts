import { execFile, spawn, type ChildProcess } from "node:child_process";
import { mkdtemp, rm, chmod } from "node:fs/promises";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";
import { until } from "./until.js";

/** The program under test. */
const PROGRAM = process.env["PGCANVAS_PROGRAM"] ?? join(import.meta.dirname, "../../target/debug/pgcanvas");

/** One node of a board. */
export interface Node {
  readonly url: string;
  kill(): Promise<void>;
}

/** Two nodes or more on one database: the first runs it. */
export class Cluster {
  private readonly nodes: Node[] = [];

  private constructor(private readonly folder: string) {}

  static async start(): Promise<Cluster> {
    const folder = await mkdtemp(join(tmpdir(), "pgcanvas-e2e-"));
    // The private server runs as another user when the tests are root.
    await chmod(folder, 0o755);
    const cluster = new Cluster(folder);
    await cluster.node(["--data-dir", join(folder, "data")]);
    return cluster;
  }

  /** The node that runs the database, or the n-th further one. */
  at(index: number): Node {
    const node = this.nodes[index];
    if (!node) throw new Error(`there is no node ${index}`);
    return node;
  }

  /** A further node, which uses the first one's database. */
  async further(port?: number): Promise<Node> {
    const url = `postgresql://pgcanvas@/pgcanvas?host=${encodeURIComponent(this.socket)}`;
    return this.node(["--database-url", url], port);
  }

  private get socket(): string {
    return join(this.folder, "data", "socket");
  }

  private async node(settings: string[], chosen?: number): Promise<Node> {
    const port = chosen ?? (await freePort());
    const child = spawn(PROGRAM, [...settings, "--listen", `127.0.0.1:${port}`, "--log", "warn"], { stdio: "inherit", env: cleanEnv() });
    const node: Node = { url: `http://127.0.0.1:${port}`, kill: () => ended(child, "SIGKILL") };
    this.nodes.push(node);
    this.children.push(child);
    await until("the node is ready", async () => (await fetch(`${node.url}/readyz`)).ok, 60_000);
    return node;
  }

  private readonly children: ChildProcess[] = [];

  /** Runs a statement as a person at psql would. */
  async sql(statement: string): Promise<string> {
    const { stdout } = await promisify(execFile)("psql", ["-h", this.socket, "-U", "pgcanvas", "-AtX", "-c", statement, "pgcanvas"]);
    return stdout.trim();
  }

  async stop(): Promise<void> {
    for (const child of this.children.reverse()) await ended(child, "SIGTERM");
    await rm(this.folder, { recursive: true, force: true });
  }
}

/** Makes a room on a node. */
export async function makeRoom(node: Node, slug: string, more: { readonly policy?: "merge" | "strict" } = {}): Promise<string> {
  const answer = await fetch(`${node.url}/api/rooms`, { method: "POST", body: JSON.stringify({ slug, ...more }) });
  if (!answer.ok) throw new Error(await answer.text());
  return slug;
}

function cleanEnv(): NodeJS.ProcessEnv {
  const ours = ([name]: [string, unknown]) => !name.startsWith("PGCANVAS_") && name !== "DATABASE_URL";
  return Object.fromEntries(Object.entries(process.env).filter(ours));
}

async function ended(child: ChildProcess, signal: NodeJS.Signals): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return;
  const gone = new Promise((resolve) => child.once("exit", resolve));
  child.kill(signal);
  await gone;
}

export function freePort(): Promise<number> {
  return new Promise((resolve, reject) => {
    const probe = createServer();
    probe.once("error", reject);
    probe.listen(0, "127.0.0.1", () => {
      const address = probe.address();
      probe.close(() => (typeof address === "object" && address ? resolve(address.port) : reject(new Error("no port"))));
    });
  });
}
