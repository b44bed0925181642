import type { Timers } from '../clock.ts';
import { GatewayError, OriginError } from '../errors.ts';
import { HeldByAddress } from './held-by-address.ts';

/** Requests of one address that may wait. Each holds its head, and a small body: stops them from filling the memory. */
const MAX_WAITING = 1_000;

/** One of the connections to an origin that a client address may hold. */
export interface Place {
  /** Gives it back. Further calls have no effect. */
  leave(): void;
}

export interface OriginSharesOptions {
  /** How many of the origin's connections one address may hold. */
  readonly places: number;
  /** How long a request may wait, which is as long as for a free connection of the whole pool. */
  readonly maxWaitMs: number;
  readonly timers: Timers;
}

/**
 * What one client address may hold of an origin's connections at one time, by requests of any kind: a client whose
 * requests hang cannot take them from all others. Its further requests wait their turn.
 *
 * A request that already holds a place, or that others wait for, must not wait for another one. So only the requests
 * that clients sent are counted, and not those that the gateway sends on their behalf while they are under way.
 */
export class OriginShares {
  readonly #options: OriginSharesOptions;
  readonly #held = new HeldByAddress();
  readonly #queues = new Map<string, Set<Waiting>>();
  #waiting = 0;

  constructor(options: OriginSharesOptions) {
    this.#options = options;
  }

  /** Requests that wait for their turn. */
  get waiting(): number {
    return this.#waiting;
  }

  /** @throws GatewayError overloaded: too many requests of this address wait */
  enter(address: string): Place | Waiting {
    if (this.#held.of(address) < this.#options.places) {
      this.#held.add(address, 1);
      return new HeldPlace(this.#next, address);
    }
    const queue = this.#queues.get(address) ?? new Set();
    if (queue.size >= MAX_WAITING) {
      throw new GatewayError('overloaded', 'too many requests of this address wait');
    }
    const leaveQueue = (): void => {
      queue.delete(waiting);
      if (queue.size === 0) this.#queues.delete(address);
      this.#waiting -= 1;
    };
    const waiting = new Waiting(leaveQueue, this.#options);
    this.#queues.set(address, queue.add(waiting));
    this.#waiting += 1;
    return waiting;
  }

  /** The place of a request that is over goes to the one that has waited the longest. */
  readonly #next = (address: string): void => {
    for (const waiting of this.#queues.get(address) ?? []) {
      waiting.begin(new HeldPlace(this.#next, address));
      return;
    }
    this.#held.add(address, -1);
  };
}

class HeldPlace implements Place {
  readonly #giveBack: (address: string) => void;
  readonly #address: string;
  #open = true;

  constructor(giveBack: (address: string) => void, address: string) {
    this.#giveBack = giveBack;
    this.#address = address;
  }

  leave(): void {
    if (this.#open) this.#giveBack(this.#address);
    this.#open = false;
  }
}

/** A request that waits until others of its address are over. */
export class Waiting {
  /** Resolves when its turn has come; undefined if it may go on without a place. Rejects with an `OriginError`. */
  readonly turn: Promise<Place | undefined>;
  #resolve: (place: Place | undefined) => void = () => {};
  #reject: (error: OriginError) => void = () => {};
  #leaveQueue: (() => void) | undefined;
  readonly #cancelTimer: () => void;

  constructor(leaveQueue: () => void, { timers, maxWaitMs }: Pick<OriginSharesOptions, 'timers' | 'maxWaitMs'>) {
    this.#leaveQueue = leaveQueue;
    this.turn = new Promise((resolve, reject) => {
      this.#resolve = resolve;
      this.#reject = reject;
    });
    const detail = 'No connection of the share that this address has of the origin became free in time';
    this.#cancelTimer = timers.after(maxWaitMs, () => this.#fail('originTimeout', detail));
  }

  begin(place: Place): void {
    if (this.#end()) this.#resolve(place);
  }

  /** Lets it go on without a place, since clients of other addresses wait for its answer. */
  pass(): void {
    if (this.#end()) this.#resolve(undefined);
  }

  /** Nobody waits for its answer any more. False if its turn had come before. */
  giveUp(): boolean {
    return this.#fail('originRefused', 'The request was cancelled');
  }

  #fail(code: 'originTimeout' | 'originRefused', detail: string): boolean {
    const isEnded = this.#end();
    if (isEnded) this.#reject(new OriginError(code, { sent: false, fault: 'request', detail }));
    return isEnded;
  }

  /** False if it has ended before. */
  #end(): boolean {
    const leaveQueue = this.#leaveQueue;
    this.#leaveQueue = undefined;
    this.#cancelTimer();
    leaveQueue?.();
    return leaveQueue !== undefined;
  }
}
