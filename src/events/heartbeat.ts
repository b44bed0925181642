import type { Timers } from '../clock.ts';
import { GatewayError } from '../errors.ts';

/** A node that has held no lease at so many heartbeats in a row is cut off. A shorter time may be a failover. */
const MAX_CUT_OFF = 2;

export interface HeartbeatOptions {
  readonly everyMs: number;
  /** By default the system's. */
  readonly timers: Timers;
  /** Whether the node holds a lease, so that it hears of the writes of others. By default it is alone. */
  readonly holdsLease: () => boolean;
}

/**
 * Runs while there are subscribers. Also tells whether the node is cut off from the others: its subscribers would be
 * told nothing, and believe that nothing has changed.
 */
export class Heartbeat {
  readonly #options: HeartbeatOptions;
  readonly #beat: () => void;
  #cancel: (() => void) | undefined;
  #missed = 0;
  #isOver = false;

  constructor(options: HeartbeatOptions, beat: () => void) {
    this.#options = options;
    this.#beat = beat;
  }

  /** Why clients should subscribe at another node. */
  get reasonToLeave(): GatewayError | undefined {
    if (this.#isOver) return new GatewayError('draining');
    return this.isCutOff ? new GatewayError('notServing', 'it is cut off from the others') : undefined;
  }

  get isCutOff(): boolean {
    // It may have come back since the last beat, and without subscribers there is none.
    return this.#missed >= MAX_CUT_OFF && !this.#options.holdsLease();
  }

  start(): void {
    if (this.#cancel !== undefined) return;
    // What it missed before its last subscribers left was another outage.
    if (this.#options.holdsLease()) this.#missed = 0;
    this.#later();
  }

  stop(): void {
    this.#cancel?.();
    this.#cancel = undefined;
  }

  /** The gateway stops. */
  end(): void {
    this.#isOver = true;
    this.stop();
  }

  #later(): void {
    const { everyMs, timers, holdsLease } = this.#options;
    this.#cancel = timers.after(everyMs, () => {
      this.#missed = holdsLease() ? 0 : this.#missed + 1;
      this.#later();
      this.#beat();
    });
  }
}
