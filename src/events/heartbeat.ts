import type { Timers } from '../clock.ts';

/** A node that has heard of no writes for so many intervals is cut off. A shorter time may be a failover. */
const MAX_CUT_OFF = 2;

export interface HeartbeatOptions {
  readonly everyMs: number;
  /** By default the system's. */
  readonly timers: Timers;
  /** Whether the node hears of the writes of others. By default it is alone. */
  readonly isCurrent: () => boolean;
}

/**
 * Runs while there are subscribers. Also tells whether the node is cut off from the others: its subscribers would be
 * told nothing, and take the silence for good news.
 */
export class Heartbeat {
  readonly #options: HeartbeatOptions;
  readonly #beat: () => void;
  #cancel: (() => void) | undefined;
  #missed = 0;

  constructor(options: HeartbeatOptions, beat: () => void) {
    this.#options = options;
    this.#beat = beat;
  }

  get isCutOff(): boolean {
    // It may have come back since the last beat, and without subscribers there is none.
    return this.#missed >= MAX_CUT_OFF && !this.#options.isCurrent();
  }

  start(): void {
    if (this.#cancel === undefined) this.#later();
  }

  stop(): void {
    this.#cancel?.();
    this.#cancel = undefined;
  }

  #later(): void {
    const { everyMs, timers, isCurrent } = this.#options;
    this.#cancel = timers.after(everyMs, () => {
      this.#missed = isCurrent() ? 0 : this.#missed + 1;
      this.#later();
      this.#beat();
    });
  }
}
