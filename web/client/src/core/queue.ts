import { idOf, replay, type Op, type Shape } from "../shape.js";

/** A gesture on its way to the server. */
export interface Queued {
  /** Whose it is: this client's, or that of a closed tab whose gestures this one looks after. */
  readonly client: string;
  readonly op_id: number;
  /** `undo` and `redo` are numbered and repeated like a batch, but show only when the server told what became of them. */
  readonly verb: "ops" | "undo" | "redo";
  readonly ops: readonly Op[];
  /** The `op_id` of the gesture's first batch, when it took several. */
  readonly gesture?: number;
  /** Whether it goes on with an op that the batch before it in the gesture began: it is sent when that one is acknowledged, and given up with it. */
  readonly rest?: true;
  /** Where it stands among the others of its client, when that is not by its number: it was cut off the batch of this one. */
  readonly order?: number;
  /** The seq that its `ack` told; it is replayed until the confirmed board has come to it. */
  readonly committed?: number;
}

type Confirmed = ReadonlyMap<string, Shape>;

interface Layer {
  readonly keys: Set<string>;
  shape: Shape | undefined;
}

/** The name of a batch: two clients count for themselves. */
export function keyOf(client: string, opId: number): string {
  return `${client}/${opId}`;
}

/** The order in which batches of one client are sent. */
export function byPlace(left: Queued, right: Queued): number {
  return (left.order ?? left.op_id) - (right.order ?? right.op_id) || left.op_id - right.op_id;
}

/** The gesture that a batch belongs to. */
export function gestureOf({ gesture, op_id }: Queued): number {
  return gesture ?? op_id;
}

/** Batches that the confirmed board does not contain yet, and what the board looks like with them. */
export class Queue {
  private readonly batches = new Map<string, Queued>();
  private readonly layers = new Map<string, Layer>();

  /** Adds a batch at the end. */
  push(batch: Queued, confirmed: Confirmed): void {
    const key = keyOf(batch.client, batch.op_id);
    this.batches.set(key, batch);
    for (const op of batch.ops) {
      const id = idOf(op);
      const layer = this.layers.get(id) ?? { keys: new Set(), shape: confirmed.get(id) };
      layer.shape = replay(op, layer.shape);
      layer.keys.add(key);
      this.layers.set(id, layer);
    }
  }

  /** Takes a batch out; the shapes that it touched are as they are without it. */
  remove(key: string, confirmed: Confirmed): Queued | undefined {
    const batch = this.batches.get(key);
    if (!batch) return undefined;
    this.batches.delete(key);
    for (const id of new Set(batch.ops.map(idOf))) {
      this.layers.get(id)?.keys.delete(key);
      this.rebase(id, confirmed);
    }
    return batch;
  }

  /** Puts other batches in the place of one. */
  replace(key: string, others: readonly Queued[], confirmed: Confirmed): void {
    const batches = this.all().flatMap((batch) => (keyOf(batch.client, batch.op_id) === key ? others : [batch]));
    this.batches.clear();
    this.layers.clear();
    for (const batch of batches) this.push(batch, confirmed);
  }

  /** The batches, in order, that go on with an op that this one began, and were not committed. */
  restOf(batch: Queued): Queued[] {
    const found: Queued[] = [];
    let isPast = false;
    for (const next of this.batches.values()) {
      if (next.client !== batch.client || gestureOf(next) !== gestureOf(batch)) continue;
      if (isPast && !next.rest) break;
      if (isPast && next.committed === undefined) found.push(next);
      isPast ||= next.op_id === batch.op_id;
    }
    return found;
  }

  /** Replays what concerns one shape over what the server told of it. */
  rebase(id: string, confirmed: Confirmed): void {
    const layer = this.layers.get(id);
    if (!layer) return;
    if (layer.keys.size === 0) {
      this.layers.delete(id);
      return;
    }
    const ops = [...layer.keys].flatMap((key) => this.batches.get(key)?.ops ?? []).filter((op) => idOf(op) === id);
    layer.shape = ops.reduce<Shape | undefined>((shape, op) => replay(op, shape), confirmed.get(id));
  }

  /** Replays everything, over another board. */
  rebaseAll(confirmed: Confirmed): void {
    for (const id of [...this.layers.keys()]) this.rebase(id, confirmed);
  }

  /** Notes that a batch is committed; whether that was news. */
  commit(key: string, seq: number): boolean {
    const batch = this.batches.get(key);
    if (!batch || batch.committed !== undefined) return false;
    this.batches.set(key, { ...batch, committed: seq });
    return true;
  }

  /** The batches that are known to be committed at a seq of which this is true. */
  committedAt(test: (seq: number) => boolean): string[] {
    const found: string[] = [];
    for (const [key, batch] of this.batches) if (batch.committed !== undefined && test(batch.committed)) found.push(key);
    return found;
  }

  /** The batches not known to be committed, in order. */
  *unacknowledged(): Generator<Queued> {
    for (const batch of this.batches.values()) if (batch.committed === undefined) yield batch;
  }

  /** The batch of that name. */
  get(key: string): Queued | undefined {
    return this.batches.get(key);
  }

  /** All of them, in order. */
  all(): Queued[] {
    return [...this.batches.values()];
  }

  /** Whether a batch touches this shape. */
  touches(id: string): boolean {
    return this.layers.has(id);
  }

  /** How many batches touch this shape. */
  depth(id: string): number {
    return this.layers.get(id)?.keys.size ?? 0;
  }

  /** The shape as it is shown, for one that a batch touches. */
  shown(id: string): Shape | undefined {
    return this.layers.get(id)?.shape;
  }

  /** Every shape that a batch touches. */
  touched(): IterableIterator<string> {
    return this.layers.keys();
  }
}
