/**
 * Steps of one slice. A step is one write to a socket or a few dozen comparisons, so a slice takes a few milliseconds.
 * Requests are answered between slices, however many subscribers an event has or events a subscriber has missed.
 */
const STEPS_PER_SLICE = 512;

/** Runs work in slices of the event loop. The first slice runs at once. */
export class Sliced {
  readonly #begin: () => Generator<unknown>;
  #work: Generator<unknown> | undefined;
  #scheduled: NodeJS.Immediate | undefined;
  #running = false;

  /** @param begin starts the pending work; it returns when nothing is left and is started again by the next `wake` */
  constructor(begin: () => Generator<unknown>) {
    this.#begin = begin;
  }

  /** Continues or starts the work. Call when there is something to do. */
  wake(): void {
    if (this.#scheduled === undefined && !this.#running) this.#slice();
  }

  /** Abandons the current work and starts again. */
  restart(): void {
    this.#work = undefined;
    this.wake();
  }

  stop(): void {
    clearImmediate(this.#scheduled);
    this.#scheduled = undefined;
    this.#work = undefined;
  }

  #slice(): void {
    this.#work ??= this.#begin();
    const work = this.#work;
    this.#running = true;
    try {
      if (finished(work)) this.#work = undefined;
      else this.#scheduled = setImmediate(this.#next);
    } finally {
      this.#running = false;
    }
  }

  readonly #next = (): void => {
    this.#scheduled = undefined;
    this.#slice();
  };
}

function finished(work: Generator<unknown>): boolean {
  for (let step = 0; step < STEPS_PER_SLICE; step++) if (work.next().done === true) return true;
  return false;
}
