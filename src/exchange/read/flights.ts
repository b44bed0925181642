import type { Timers } from '../../clock.ts';
import type { Position } from '../../coherence/record.ts';
import { nameOf, ownText } from '../../http/own-memory.ts';
import type { StoredResponse } from '../../store/stored-response.ts';
import type { Waiting } from '../origin-shares.ts';
import type { Client } from '../ports.ts';

/** The result of a fill, for the requests that waited for it. */
export type FlightResult =
  /** A complete response. `stored`: it passed the fence. */
  | { readonly kind: 'response'; readonly response: StoredResponse; readonly stored: boolean }
  /** No answer came, or an incomplete one: all waiting requests get the same error. */
  | { readonly kind: 'failed'; readonly error: unknown }
  /** The answer is only for the request that asked: the waiting requests ask for themselves. */
  | { readonly kind: 'unusable' };

/** When a fill began: the applied position, and the cursor of answers that it gives. */
export interface FillStart {
  readonly asOf: Position;
  readonly cursor: string | undefined;
}

interface Begun {
  readonly from: FillStart;
  readonly client: Client;
  readonly begunAt: number;
}

/** One fill that other requests may wait for (collapsed forwarding). */
export class Flight {
  readonly asOf: Position;
  readonly cursor: string | undefined;
  readonly #client: Client;
  readonly #flights: Pick<Flights, 'landed' | 'watch'>;
  readonly key: string;
  /** Monotonic. */
  readonly begunAt: number;
  /** Cancels the timer that ends the wait for it, if there is one. `Flights` alone writes it and calls it. */
  cancelWatch: (() => void) | undefined;
  #result: FlightResult | undefined;
  /** Made when somebody waits for it, as nobody does for most. */
  #waited: Promise<FlightResult> | undefined;
  #settle: (result: FlightResult) => void = () => {};
  #fillLease: (() => void) | undefined;
  #waiting: Waiting | undefined;
  #isJoined = false;
  #isShared = false;

  constructor(flights: Pick<Flights, 'landed' | 'watch'>, key: string, { from, client, begunAt }: Begun) {
    this.#flights = flights;
    this.key = key;
    this.asOf = from.asOf;
    this.cursor = from.cursor;
    this.#client = client;
    this.begunAt = begunAt;
    this.cancelWatch = undefined;
  }

  get result(): Promise<FlightResult> {
    this.#waited ??=
      this.#result === undefined
        ? new Promise<FlightResult>((resolve) => {
            this.#settle = resolve;
          })
        : Promise.resolve(this.#result);
    return this.#waited;
  }

  /** Requests of other client addresses wait for it, too: it must not wait behind those of its own address. */
  get isShared(): boolean {
    return this.#isShared;
  }

  /** Only the first call has an effect. */
  land(result: FlightResult): void {
    this.#flights.landed(this);
    this.#result ??= result;
    this.#settle(this.#result);
    this.#giveBackLease();
  }

  /** Notes that a request waits for it, or was served stale meanwhile; of no client: one of the gateway's own. */
  join(client: Client | undefined): void {
    this.#isJoined = true;
    this.#flights.watch(this);
    if (client?.address === this.#client.address) return;
    this.#isShared = true;
    this.#waiting?.pass();
  }

  /**
   * Gives the fill lease back when the flight lands: nothing is stored after that. Waiting for a slow client to read
   * the whole answer would make other nodes wait for nothing.
   */
  holdLease(giveBack: () => void): void {
    this.#fillLease = giveBack;
    // Other nodes wait for it.
    this.#flights.watch(this);
  }

  /** Notes that its request waits behind others of its client's address. Other nodes do not have to wait for that. */
  waits(waiting: Waiting): void {
    this.#waiting = waiting;
    this.#giveBackLease();
  }

  /** Its client has left: if nobody else waits for it either, it is not worth waiting for its turn. */
  leave(): void {
    if (!this.#isJoined && this.#waiting?.giveUp() === true) this.land({ kind: 'unusable' });
  }

  #giveBackLease(): void {
    this.#fillLease?.();
    this.#fillLease = undefined;
  }
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

  /** A fill for a request of `client`. */
  begin(key: string, from: FillStart, client: Client): Flight {
    const flight = new Flight(this, key, { from, client, begunAt: this.#monotonic() });
    this.#flights.set(key, flight);
    return flight;
  }

  /** Called by a flight that has landed, once or more often. */
  landed(flight: Flight): void {
    flight.cancelWatch?.();
    if (this.#flights.get(flight.key) === flight) this.#flights.delete(flight.key);
  }

  /**
   * Called by a flight that others begin to wait for, once or more often: it lands when they have waited long enough. A
   * timer for each fill would cost more than the map of them, and nobody waits for most.
   */
  watch(flight: Flight): void {
    const left = this.#maxWaitMs - (this.#monotonic() - flight.begunAt);
    flight.cancelWatch ??= this.#timers.after(Math.max(0, left), () => flight.land({ kind: 'unusable' }));
  }

  /** Waits for a fill that another request started. */
  async wait(flight: Flight, client: Client | undefined): Promise<FlightResult> {
    flight.join(client);
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
