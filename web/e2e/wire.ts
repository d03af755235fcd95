import { connect, createServer, type Server, type Socket } from "node:net";

/** A wire between browsers and a node, which can be cut: nothing comes through any more, and nobody is told. */
export class Wire {
  private readonly ends = new Set<Socket>();
  private isCut = false;

  private constructor(private readonly server: Server, private readonly port: number) {}

  /** Lays a wire to a node. */
  static async to(node: string): Promise<Wire> {
    const far = new URL(node);
    const server = createServer();
    await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
    const address = server.address();
    if (address === null || typeof address === "string") throw new Error("no port");
    const wire = new Wire(server, address.port);
    server.on("connection", (near) => wire.join(near, connect(Number(far.port), far.hostname)));
    return wire;
  }

  /** The node's address at this end. */
  get url(): string {
    return `http://127.0.0.1:${String(this.port)}`;
  }

  /** From now on what is sent is lost, in both directions. */
  cut(): void {
    this.isCut = true;
  }

  /** Whoever connects from now on comes through; what was connected before the cut stays dead. */
  mend(): void {
    this.isCut = false;
  }

  /** Takes the wire away. */
  close(): void {
    for (const end of this.ends) end.destroy();
    this.server.close();
  }

  private join(near: Socket, far: Socket): void {
    let isDead = this.isCut;
    for (const [from, to] of [[near, far], [far, near]] as const) {
      this.ends.add(from);
      from.on("data", (bytes: Buffer) => {
        isDead ||= this.isCut;
        if (!isDead) to.write(bytes);
      });
      from.on("error", () => from.destroy());
      from.on("close", () => {
        this.ends.delete(from);
        to.destroy();
      });
    }
  }
}
