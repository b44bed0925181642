import type { Timers } from '../../clock.ts';
import type { Position } from '../../coherence/record.ts';
import { nameOf, ownText } from '../../http/own-memory.ts';
import type { StoredResponse } from '../../store/stored-response.ts';

/** What a fill came to, for those who waited for it. */
export type FlightResult =
  /** A complete response. `stored`: it passed the fence. */
  | { readonly kind: 'response'; readonly response: StoredResponse; readonly stored: boolean }
  /** No answer came, or not whole: whoever waited gets the same error. */
  | { readonly kind: 'failed'; readonly error: unknown }
  /** The answer is for the request that asked alone: everyone else asks for himself. */
  | { readonly kind: 'unusable' };

/** One fill that others may wait for (collapsed forwarding). */
export interface Flight {
  readonly asOf: Position;
  readonly result: Promise<FlightResult>;
  /** First call counts. */
  land(result: FlightResult): void;
}

/**
 * How long keys whose answers cannot be shared are remembered, and how many: without it, requests for them would wait
 * in line for nothing (the "hit-for-miss" of varnish).
 */
const UNSHARED_MS = 5_000;
const MAX_UNSHARED_KEYS = 10_000;

/** The fills under way that may answer more than the request that began them. */
export class Flights {
  readonly #flights = new Map<string, Flight>();
  /** By name: a key may be as long as a request's target. */
  readonly #unsharedUntil = new Map<string, number>();
  readonly #monotonic: () => number;
  readonly #timers: Timers;
  readonly #maxWaitMs: number;
  #waiting = 0;

  /** `maxWaitMs`: after it, those who wait are released to ask for themselves, so that one stalled fill stalls no others. */
  constructor(options: { monotonic: () => number; timers: Timers; maxWaitMs: number }) {
    this.#monotonic = options.monotonic;
    this.#timers = options.timers;
    this.#maxWaitMs = options.maxWaitMs;
  }

  /** Whether answers for this key were recently found not to be shareable. */
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

  /** Waits for a fill that another request began. */
  async wait(flight: Flight): Promise<FlightResult> {
    this.#waiting += 1;
    try {
      return await flight.result;
    } finally {
      this.#waiting -= 1;
    }
  }

  /** Notes that answers for this key cannot be shared: the next requests do not wait for each other. */
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

  /** Requests that wait for a fill. */
  get waiting(): number {
    return this.#waiting;
  }

  get size(): number {
    return this.#flights.size;
  }
}
