import type { Timers } from '../clock.ts';

/** Sleeps that `wake` ends early. */
export class Sleeper {
  readonly #timers: Timers;
  readonly #sleeping = new Set<() => void>();

  constructor(timers: Timers) {
    this.#timers = timers;
  }

  /** Resolves when `ms` have passed, or at the next `wake`. */
  sleep(ms: number): Promise<void> {
    return new Promise((resolve) => {
      const wake = (): void => {
        cancel();
        this.#sleeping.delete(wake);
        resolve();
      };
      const cancel = this.#timers.after(ms, wake);
      this.#sleeping.add(wake);
    });
  }

  wake(): void {
    for (const wake of [...this.#sleeping]) wake();
  }
}
