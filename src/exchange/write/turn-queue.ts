import type { Timers } from '../../clock.ts';
import { GatewayError } from '../../errors.ts';
import { type Place, Waiting } from '../origin-shares.ts';

/** Writes of one resource that may wait. Each holds its body: a burst must not fill the memory. */
const MAX_WAITING_EACH = 64;
/** Of these, writes of one address: it cannot keep all others from a resource. */
const MAX_WAITING_OF_ADDRESS = 16;
/** Of all resources together. */
const MAX_WAITING = 2_048;
/** How long a write waits for its turn. Clients and proxies give up after half a minute to a minute. */
export const MAX_TURN_WAIT_MS = 10_000;

/** Who waits for its turn. */
export interface TurnTaker {
  /** Undefined: not known, so it counts with no other. */
  readonly address: string | undefined;
  /** Calls the listener once nobody waits for the answer any more. */
  onGone(listener: () => void): void;
  /** Takes a place among the origin's connections, in what its address may hold of them. Without it, none is needed. */
  readonly enter?: (() => Place | Waiting | undefined) | undefined;
}

/** The turn of one write on this node. */
export interface LocalTurn {
  readonly place: Place | undefined;
  /** The next one begins. Further calls have no effect. */
  end(): void;
}

interface Waiter {
  readonly taker: TurnTaker;
  readonly begin: (turn: LocalTurn) => void;
  readonly fail: (error: unknown) => void;
  cancelTimer: (() => void) | undefined;
  /** While the turn is free, and its address has no place left. */
  share: Waiting | undefined;
}

export interface TurnQueueParts {
  readonly timers: Timers;
  /** Counts what waits in all queues. */
  readonly total: { waiting: number };
  /** Nobody has the turn, and nobody waits for it. */
  readonly onIdle: () => void;
}

/**
 * Writes of one resource that want its turn on this node, in the order in which they came. A write gets its place among
 * the origin's connections with the turn. While it waits it holds none: other requests of its address need them. If
 * its address has no place left, the turn goes to the next one: nobody waits for a client that has taken up its share.
 */
export class TurnQueue {
  readonly #parts: TurnQueueParts;
  readonly #waiting = new Set<Waiter>();
  #taken = false;

  constructor(parts: TurnQueueParts) {
    this.#parts = parts;
  }

  /** @throws GatewayError busy: too many wait, it has waited too long, or the client has gone; what `enter` throws */
  join(taker: TurnTaker): Promise<LocalTurn> {
    return new Promise((begin, fail) => {
      const waiter: Waiter = { taker, begin, fail, cancelTimer: undefined, share: undefined };
      this.#waiting.add(waiter);
      this.#parts.total.waiting += 1;
      if (!this.#taken) this.#enter(waiter);
      if (!this.#waiting.has(waiter)) return;
      if (this.#isCrowded(taker)) {
        this.#refuse(waiter, new GatewayError('busy'));
        return;
      }
      const detail = `the write has waited ${MAX_TURN_WAIT_MS / 1000} s for its turn`;
      const expire = (): void => this.#refuse(waiter, new GatewayError('busy', detail));
      waiter.cancelTimer = this.#parts.timers.after(MAX_TURN_WAIT_MS, expire);
      taker.onGone(() => this.#refuse(waiter, hasGone()));
    });
  }

  /** Whether more wait than may, with the one that has just joined. */
  #isCrowded({ address }: TurnTaker): boolean {
    if (this.#waiting.size > MAX_WAITING_EACH || this.#parts.total.waiting > MAX_WAITING) return true;
    if (address === undefined) return false;
    return [...this.#waiting].filter(({ taker }) => taker.address === address).length > MAX_WAITING_OF_ADDRESS;
  }

  /** Begins the turn with a place, as soon as there is one. */
  #enter(waiter: Waiter): void {
    if (waiter.share !== undefined) return;
    let entered: Place | Waiting | undefined;
    try {
      entered = waiter.taker.enter?.();
    } catch (error) {
      this.#refuse(waiter, error);
      return;
    }
    if (!(entered instanceof Waiting)) {
      this.#begin(waiter, entered);
      return;
    }
    waiter.share = entered;
    entered.turn.then(
      (place) => this.#entered(waiter, place),
      (error: unknown) => this.#refuse(waiter, error),
    );
  }

  #entered(waiter: Waiter, place: Place | undefined): void {
    waiter.share = undefined;
    // Others may have begun: it tries again once the turn is free.
    if (this.#taken || !this.#waiting.has(waiter)) place?.leave();
    else this.#begin(waiter, place);
  }

  #begin(waiter: Waiter, place: Place | undefined): void {
    this.#remove(waiter);
    this.#taken = true;
    let ended = false;
    const end = (): void => {
      if (ended) return;
      ended = true;
      this.#taken = false;
      this.#next();
    };
    waiter.begin({ place, end });
  }

  #next(): void {
    for (const waiter of this.#waiting) {
      this.#enter(waiter);
      if (this.#taken) return;
    }
    this.#tellIfIdle();
  }

  #refuse(waiter: Waiter, error: unknown): void {
    if (!this.#remove(waiter)) return;
    waiter.share?.giveUp();
    waiter.fail(error);
    this.#tellIfIdle();
  }

  /** False if it does not wait any more. */
  #remove(waiter: Waiter): boolean {
    if (!this.#waiting.delete(waiter)) return false;
    this.#parts.total.waiting -= 1;
    waiter.cancelTimer?.();
    return true;
  }

  #tellIfIdle(): void {
    if (!this.#taken && this.#waiting.size === 0) this.#parts.onIdle();
  }
}

/** Nobody is told. */
export function hasGone(): GatewayError {
  return new GatewayError('busy', 'the client has gone');
}
