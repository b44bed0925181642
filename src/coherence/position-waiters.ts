import type { Timers } from '../clock.ts';
import type { Seq } from './bus.ts';

interface Waiting {
  readonly seq: Seq;
  done(reached: boolean): void;
}

/** Callers that wait until this node has applied a record. */
export class PositionWaiters {
  readonly #waiting = new Set<Waiting>();
  readonly #timers: Timers;

  constructor(timers: Timers) {
    this.#timers = timers;
  }

  wait(seq: Seq, applied: Seq, timeoutMs: number): Promise<boolean> {
    if (seq <= applied) return Promise.resolve(true);
    return new Promise((resolve) => {
      const waiting = {
        seq,
        done: (reached: boolean): void => {
          cancel();
          this.#waiting.delete(waiting);
          resolve(reached);
        },
      };
      const cancel = this.#timers.after(timeoutMs, () => waiting.done(false));
      this.#waiting.add(waiting);
    });
  }

  applied(seq: Seq): void {
    for (const waiting of this.#waiting) if (waiting.seq <= seq) waiting.done(true);
  }

  reset(): void {
    for (const waiting of this.#waiting) waiting.done(false);
  }
}
