import type { Clock } from '../clock.ts';

/** Divides long work into slices, between which requests are answered. */
export class Pace {
  readonly #monotonic: Clock['monotonic'];
  readonly #sliceMs: number;
  readonly #restMs: () => number;
  #until = 0;

  /** @param restMs between two slices. 0: until what else there is to do has been done once */
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
    const restMs = this.#restMs();
    await new Promise((resolve) => (restMs > 0 ? setTimeout(resolve, restMs) : setImmediate(resolve)));
    this.#until = this.#monotonic() + this.#sliceMs;
  }
}
