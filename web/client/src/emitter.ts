/** Takes a listener off again. */
export type Off = () => void;

/** Tells listeners what happened. */
export class Emitter<Events extends object> {
  private readonly listeners = new Map<keyof Events, Set<(event: never) => void>>();

  /** Calls the listener at every such event from now on. */
  on<Name extends keyof Events>(name: Name, listener: (event: Events[Name]) => void): Off {
    const listeners = this.listeners.get(name) ?? new Set();
    listeners.add(listener);
    this.listeners.set(name, listeners);
    return () => void listeners.delete(listener);
  }

  /** Tells everybody who listens. */
  protected emit<Name extends keyof Events>(name: Name, event: Events[Name]): void {
    const listeners = this.listeners.get(name) as Set<(event: Events[Name]) => void> | undefined;
    for (const listener of listeners ?? []) listener(event);
  }
}
