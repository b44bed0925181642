import type { Timers } from '../../clock.ts';
import type { Position } from '../../coherence/record.ts';
import { nameOf, ownText } from '../../http/own-memory.ts';
import type { StoredResponse } from '../../store/stored-response.ts';

/** The result of a fill, for the requests that waited for it. */
export type FlightResult =
  /** A complete response. `stored`: it passed the fence. */
  | { readonly kind: 'response'; readonly response: StoredResponse; readonly stored: boolean }
  /** No answer came, or an incomplete one: all waiting requests get the same error. */
  | { readonly kind: 'failed'; readonly error: unknown }
  /** The answer is only for the request that asked: the waiting requests ask for themselves. */
  | { readonly kind: 'unusable' };

/** One fill that other requests may wait for (collapsed forwarding). */
export interface Flight {
  readonly asOf: Position;
  readonly result: Promise<FlightResult>;
  /** Only the first call has an effect. */
  land(result: FlightResult): void;
}

/**
 * How long, and how many, keys are remembered whose answers cannot be shared. Otherwise requests for them would wait
 * for each other in vain ("hit-for-miss" in Varnish).
 */
const UNSHARED_MS = 5_000;
const MAX_UNSHARED_KEYS = 10_000;

/** The fills in progress that may also answer other requests. */
export class Flights {
  readonly #flights = new Map<string, Flight>();
  /** By the key's name (own-memory.ts), since a key may be as long as a request target. */
  readonly #unsharedUntil = new Map<string, number>();
  readonly #monotonic: () => number;
  readonly #timers: Timers;
  readonly #maxWaitMs: number;
  #waiting = 0;

  /** After `maxWaitMs`, waiting requests ask for themselves, so that a stalled fill does not stall them. */
  constructor(options: { monotonic: () => number; timers: Timers; maxWaitMs: number }) {
    this.#monotonic = options.monotonic;
    this.#timers = options.timers;
    this.#maxWaitMs = options.maxWaitMs;
  }

  /** Whether an answer for this key recently could not be shared. */
  isUnshared(key: string): boolean {
    if (this.#unsharedUntil.size === 0) return false;
    const name = nameOf(key);
    const until = this.#unsharedUntil.get(name);
    if (until === undefined) return false;
    if (until > this.#monotonic()) return true;
    this.#unsharedUntil.delete(name);
    return false;
  }

  get(key: string): Flight | undefined {
    return this.#flights.get(key);
  }

  begin(key: string, asOf: Position): Flight {
    let settle: (result: FlightResult) => void = () => {};
    const result = new Promise<FlightResult>((resolve) => {
      settle = resolve;
    });
    const cancel = this.#timers.after(this.#maxWaitMs, () => flight.land({ kind: 'unusable' }));
    const flight: Flight = {
      asOf,
      result,
      land: (outcome) => {
        cancel();
        if (this.#flights.get(key) === flight) this.#flights.delete(key);
        settle(outcome);
      },
    };
    this.#flights.set(key, flight);
    return flight;
  }

  /** Waits for a fill that another request started. */
  async wait(flight: Flight): Promise<FlightResult> {
    this.#waiting += 1;
    try {
      return await flight.result;
    } finally {
      this.#waiting -= 1;
    }
  }

  /** Remembers that answers for this key cannot be shared: the next requests do not wait for each other. */
  markUnshared(key: string): void {
    const name = nameOf(key);
    this.#unsharedUntil.delete(name);
    this.#unsharedUntil.set(ownText(name), this.#monotonic() + UNSHARED_MS);
    if (this.#unsharedUntil.size > MAX_UNSHARED_KEYS) {
      for (const oldest of this.#unsharedUntil.keys()) {
        this.#unsharedUntil.delete(oldest);
        break;
      }
    }
  }

  markShared(key: string): void {
    this.#unsharedUntil.delete(nameOf(key));
  }

  /** Requests waiting for a fill. */
  get waiting(): number {
    return this.#waiting;
  }

  get size(): number {
    return this.#flights.size;
  }
}
