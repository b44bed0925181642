import type { Clock } from '../clock.ts';

/** A turn of the event loop that takes longer has done something for others. */
const BUSY_MS = 0.05;

/** Divides long work into slices, between which requests are answered. */
export class Pace {
  readonly #monotonic: Clock['monotonic'];
  readonly #sliceMs: number;
  readonly #restMs: () => number;
  #until = 0;

  /** @param restMs between two slices, if there is something else to do. 0: until that has been done once */
  constructor({ monotonic }: Pick<Clock, 'monotonic'>, sliceMs: number, restMs: () => number = () => 0) {
    this.#monotonic = monotonic;
    this.#sliceMs = sliceMs;
    this.#restMs = restMs;
  }

  /** The slice is over: `rest`. */
  get isOver(): boolean {
    return this.#monotonic() >= this.#until;
  }

  async rest(): Promise<void> {
    const endedAt = this.#monotonic();
    await new Promise((resolve) => setImmediate(resolve));
    const restMs = this.#restMs();
    if (restMs > 0 && this.#monotonic() - endedAt > BUSY_MS)
      await new Promise((resolve) => setTimeout(resolve, restMs));
    this.#until = this.#monotonic() + this.#sliceMs;
  }
}
