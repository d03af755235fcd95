import type { BinaryFileData, ExcalidrawImperativeAPI } from "@excalidraw/excalidraw/types";
import { send, unsentPicture } from "./outbox.js";
import { prepared } from "./prepare.js";
import { sha256 } from "./sha256.js";

/** Between two attempts for a picture that the node does not have: whoever put it there may still be sending it. */
const AGAIN_MS = 2000;
const ATTEMPTS = 30;

/** Gives the component the pictures that rows name, and the node those that people put on the board. */
export class Pictures {
  private readonly asked = new Set<string>();
  private readonly timers = new Set<ReturnType<typeof setTimeout>>();

  constructor(
    private readonly api: ExcalidrawImperativeAPI,
    private readonly trouble: (message: string) => void,
  ) {}

  /** Takes in a picture; gives the name by which rows name it. */
  async add(file: Blob): Promise<string> {
    const picture = await prepared(file);
    const id = await sha256(new Uint8Array(await picture.arrayBuffer()));
    await this.show(id, picture);
    void send(id, picture).catch((failure: Error) => this.trouble(`The picture was not stored: ${failure.message}`));
    return id;
  }

  /** Whether the component has it from here, under the name of its content. */
  knows(id: string): boolean {
    return this.asked.has(id);
  }

  /** These are to be seen. */
  want(ids: Iterable<string>): void {
    for (const id of ids) {
      if (this.asked.has(id) || !isName(id)) continue;
      this.asked.add(id);
      void this.load(id, ATTEMPTS);
    }
  }

  /** Asks no more. */
  close(): void {
    for (const timer of this.timers) clearTimeout(timer);
  }

  private async load(id: string, attempts: number): Promise<void> {
    const picture = (await unsentPicture(id)) ?? (await fetched(id));
    if (picture) return this.show(id, picture);
    if (attempts === 0) return;
    const timer = setTimeout(() => {
      this.timers.delete(timer);
      void this.load(id, attempts - 1);
    }, AGAIN_MS);
    this.timers.add(timer);
  }

  private async show(id: string, picture: Blob): Promise<void> {
    this.asked.add(id);
    const file = { id, dataURL: await dataUrl(picture), mimeType: picture.type || "image/png", created: Date.now() };
    this.api.addFiles([file as unknown as BinaryFileData]);
  }
}

/** Whether it is the name of a picture that a node may have. */
export function isName(id: string): boolean {
  return /^[0-9a-f]{64}$/.test(id);
}

async function fetched(id: string): Promise<Blob | undefined> {
  const answer = await fetch(`/api/files/${id}`).catch(() => undefined);
  return answer?.ok ? answer.blob() : undefined;
}

/** The bytes of a data address: the page may fetch from its node alone. */
export function blobOf(dataUrl: string): Blob {
  const [head = "", body = ""] = dataUrl.split(",", 2);
  const type = /^data:([^;]+)/.exec(head)?.[1] ?? "";
  const text = head.endsWith(";base64") ? atob(body) : decodeURIComponent(body);
  return new Blob([Uint8Array.from(text, (character) => character.charCodeAt(0))], { type });
}

function dataUrl(picture: Blob): Promise<string> {
  return new Promise((resolve, reject) => {
    const reader = new FileReader();
    reader.onload = () => resolve(String(reader.result));
    reader.onerror = () => reject(reader.error ?? new Error("This picture cannot be read."));
    reader.readAsDataURL(picture);
  });
}
