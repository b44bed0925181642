import type { Logger } from './observe/logger.ts';

/** Work in progress, which a stopping gateway waits for, and work scheduled for later, which it cancels. */
export class Work {
  readonly underway = new Set<Promise<unknown>>();
  readonly #timers = new Set<NodeJS.Timeout>();
  readonly #log: Logger;

  constructor(log: Logger) {
    this.#log = log;
  }

  track(promise: Promise<unknown>): void {
    this.underway.add(promise);
    const done = (): void => void this.underway.delete(promise);
    promise.then(done, (error: unknown) => {
      done();
      this.#log.error({ err: error }, 'an exchange failed');
    });
  }

  later(ms: number, task: () => Promise<void>): void {
    const timer = setTimeout(() => {
      this.#timers.delete(timer);
      this.track(task());
    }, ms);
    this.#timers.add(timer);
  }

  cancelTimers(): void {
    for (const timer of this.#timers) clearTimeout(timer);
  }
}
