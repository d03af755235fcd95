import type { Clock } from "../clock.js";
import type { Board } from "../core/board.js";
import { idOf } from "../shape.js";
import type { Batch } from "../wire.js";
import type { Store } from "./store.js";

/** How long changes are gathered before they are written. A page that ends before only asks the node for a little more. */
const GATHER_MS = 1000;

/** Keeps the confirmed board of a room, if this page is the one of its origin that does. */
export class Keeper {
  private keeps = false;
  /** All is to be written: the board was replaced, or another page may have written since. */
  private whole = true;
  private readonly changed = new Set<string>();
  private cancel: (() => void) | undefined;
  private writing = false;

  constructor(
    private readonly store: Store,
    private readonly clock: Clock,
    private readonly board: Board,
  ) {
    store.keepsBoard(board.room, () => {
      this.keeps = true;
      this.schedule();
    });
  }

  /** The board was joined. */
  joined(snapshot: boolean, ids: ReadonlySet<string>): void {
    this.whole ||= snapshot;
    for (const id of ids) this.changed.add(id);
    this.schedule();
  }

  /** A batch was applied. */
  told(batch: Batch): void {
    for (const change of batch.changes) this.changed.add(idOf(change));
    this.schedule();
  }

  /** Writes what is gathered. */
  flush(): void {
    this.cancel?.();
    this.cancel = undefined;
    const at = this.board.at;
    if (!this.keeps || this.writing || !at || this.board.doubtful) return;
    if (!this.whole && this.changed.size === 0) return;
    const { confirmed, room } = this.board;
    const ids = this.whole ? [...confirmed.keys()] : [...this.changed];
    const put = ids.flatMap((id) => confirmed.get(id) ?? []);
    const deleted = ids.filter((id) => !confirmed.has(id));
    const whole = this.whole;
    this.whole = false;
    this.changed.clear();
    this.writing = true;
    void this.store.keepBoard(room, { at, whole, put, deleted }).then(() => {
      this.writing = false;
      if (this.changed.size > 0 || this.whole) this.schedule();
    });
  }

  private schedule(): void {
    if (this.keeps) this.cancel ??= this.clock.after(GATHER_MS, () => this.flush());
  }
}
