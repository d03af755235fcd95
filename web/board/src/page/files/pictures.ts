import type { ExcalidrawImperativeAPI } from "@excalidraw/excalidraw/types";
import { decodedFile } from "./decode.js";
import { request } from "../request.js";
import { send, unsentPicture } from "./outbox.js";
import { prepared } from "./prepare.js";
import { sha256 } from "./sha256.js";

/** Between two attempts for a picture that the node does not have: whoever put it there may still be sending it. */
const AGAIN_MS = 2000;
const MOST_MS = 120_000;
/** How long a node that sends a picture may say nothing. */
const SILENCE_MS = 10_000;

/** Gives the component the pictures that rows name, and the node those that people put on the board. */
export class Pictures {
  /** What the component has from here, under the name of its content. */
  private readonly shown = new Set<string>();
  /** What it does not have yet, and what is waited for before it is asked for again. */
  private readonly asked = new Map<string, ReturnType<typeof setTimeout> | undefined>();
  private isClosed = false;

  constructor(
    private readonly api: ExcalidrawImperativeAPI,
    private readonly trouble: (message: string) => void,
  ) {}

  /** Takes in a picture; gives the name by which rows name it. It is kept here and, where a node answers, there. */
  async add(file: Blob): Promise<string> {
    const picture = await prepared(file);
    const id = await sha256(new Uint8Array(await picture.arrayBuffer()));
    await this.show(id, picture);
    await send(id, picture, this.refused);
    return id;
  }

  /** Says that a node does not take a picture. */
  readonly refused = ({ message }: Error): void => this.trouble(`The picture was not stored: ${message}`);

  /** Whether the component has it from here, under the name of its content. */
  knows(id: string): boolean {
    return this.shown.has(id);
  }

  /** These are to be seen. */
  want(ids: Iterable<string>): void {
    for (const id of ids) {
      if (this.shown.has(id) || this.asked.has(id) || !isName(id)) continue;
      this.asked.set(id, undefined);
      void this.load(id, AGAIN_MS);
    }
  }

  /** Asks at once for what was not there: a node is back. */
  again(): void {
    for (const [id, timer] of this.asked) {
      if (timer === undefined) continue;
      clearTimeout(timer);
      this.asked.set(id, undefined);
      void this.load(id, AGAIN_MS);
    }
  }

  /** Asks no more. */
  close(): void {
    this.isClosed = true;
    for (const timer of this.asked.values()) clearTimeout(timer);
    this.asked.clear();
  }

  private async load(id: string, pauseMs: number): Promise<void> {
    // Whatever went wrong on the way, and however, may go well the next time.
    const isThere = await this.found(id).catch(() => false);
    if (isThere || this.isClosed) return;
    this.asked.set(id, setTimeout(() => {
      this.asked.set(id, undefined);
      void this.load(id, Math.min(2 * pauseMs, MOST_MS));
    }, pauseMs));
  }

  private async found(id: string): Promise<boolean> {
    const picture = (await unsentPicture(id)) ?? (await fetched(id));
    if (!picture || this.isClosed) return false;
    await this.show(id, picture);
    return true;
  }

  private async show(id: string, picture: Blob): Promise<void> {
    const file = await decodedFile(id, picture);
    if (this.isClosed) return;
    clearTimeout(this.asked.get(id));
    this.asked.delete(id);
    this.shown.add(id);
    this.api.addFiles([file]);
  }
}

/** Whether it is the name of a picture that a node may have. */
export function isName(id: string): boolean {
  return /^[0-9a-f]{64}$/.test(id);
}

/** A picture as the node sends it. */
async function fetched(id: string): Promise<Blob | undefined> {
  const answer = await request(`/api/files/${id}`, {}, SILENCE_MS);
  return answer.ok ? answer.blob() : undefined;
}

/** The bytes of a data address: the page may fetch from its node alone. */
export function blobOf(dataUrl: string): Blob {
  const [head = "", body = ""] = dataUrl.split(",", 2);
  const type = /^data:([^;]+)/.exec(head)?.[1] ?? "";
  const text = head.endsWith(";base64") ? atob(body) : decodeURIComponent(body);
  return new Blob([Uint8Array.from(text, (character) => character.charCodeAt(0))], { type });
}
