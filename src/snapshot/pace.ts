import type { Clock } from '../clock.ts';

/** Divides long work into slices, between which requests are answered. */
export class Pace {
  readonly #monotonic: Clock['monotonic'];
  readonly #sliceMs: number;
  readonly #restMs: number;
  #until = 0;

  /** @param restMs between two slices, at least. 0: as long as there is something else to do */
  constructor({ monotonic }: Pick<Clock, 'monotonic'>, sliceMs: number, restMs: number) {
    this.#monotonic = monotonic;
    this.#sliceMs = sliceMs;
    this.#restMs = restMs;
  }

  /** The slice is over: `rest`. */
  get isOver(): boolean {
    return this.#monotonic() >= this.#until;
  }

  async rest(): Promise<void> {
    await new Promise<void>((resolve) => {
      if (this.#restMs === 0) setImmediate(resolve);
      else setTimeout(resolve, this.#restMs);
    });
    this.#until = this.#monotonic() + this.#sliceMs;
  }
}
