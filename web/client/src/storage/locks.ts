/** Lets a lock go. */
export type Release = () => void;

/** The platform's locks, held by one page of an origin at a time and let go by the browser when that page ends, however it ends. */
export class Locks {
  private readonly held: Release[] = [];

  constructor(private readonly manager: LockManager | undefined = globalThis.navigator?.locks) {}

  /** Whether there are any: only on secure pages. */
  get there(): boolean {
    return this.manager !== undefined;
  }

  /** Takes the lock if it is free; whether it was. */
  take(name: string): Promise<boolean> {
    return new Promise((resolve) => {
      const taken = this.manager?.request(name, { ifAvailable: true }, (lock) => {
        resolve(lock !== null);
        return lock ? this.untilReleased() : undefined;
      });
      if (!taken) resolve(false);
      else taken.catch(() => resolve(false));
    });
  }

  /** Takes the lock when it becomes free. */
  whenFree(name: string, taken: () => void): void {
    const request = this.manager?.request(name, () => {
      taken();
      return this.untilReleased();
    });
    // Refused only when the page is closing.
    request?.catch(() => {});
  }

  /** Lets all of them go. */
  releaseAll(): void {
    for (const release of this.held.splice(0)) release();
  }

  private untilReleased(): Promise<void> {
    return new Promise((resolve) => this.held.push(resolve));
  }
}
