/**
 * Steps of one slice. A step is one write to a socket or some dozens of comparisons, so that a slice takes a few milliseconds:
 * however many subscribers an event has, or events a subscriber has missed, requests are answered in between.
 */
const STEPS_PER_SLICE = 512;

/** Work that goes on in slices of the event loop, the first of them at once. */
export class Sliced {
  readonly #begin: () => Generator<unknown>;
  #work: Generator<unknown> | undefined;
  #scheduled: NodeJS.Immediate | undefined;
  #running = false;

  /** `begin`: the work that there is now. It returns when nothing is left, and is begun again at the next `wake`. */
  constructor(begin: () => Generator<unknown>) {
    this.#begin = begin;
  }

  /** There is something to do. */
  wake(): void {
    if (this.#scheduled === undefined && !this.#running) this.#slice();
  }

  /** What is under way is not gone on with. */
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
