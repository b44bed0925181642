import type { Timers } from '../../clock.ts';
import { GatewayError } from '../../errors.ts';

/** Writes of one resource that may wait. Each holds its body: a burst must not fill the memory. */
const MAX_WAITING_EACH = 64;
/** Of all resources together. */
const MAX_WAITING = 2_048;
/** How long a write waits for its turn. Clients and proxies give up after half a minute to a minute. */
const MAX_TURN_WAIT_MS = 10_000;

interface Waiting {
  begin(): void;
}

/** A write's turn. */
export interface LocalTurn {
  /** The next one begins. Further calls have no effect. */
  end(): void;
}

/** The turns of one node: writes of one resource go one after the other, in the order in which they came. */
export class Turns {
  readonly #timers: Timers;
  /** Of each resource whose turn is taken: who waits. */
  readonly #queues = new Map<string, Waiting[]>();
  #waiting = 0;

  constructor(timers: Timers) {
    this.#timers = timers;
  }

  get waiting(): number {
    return this.#waiting;
  }

  /** @throws GatewayError busy: too many wait, or it has waited too long */
  take(resource: string): Promise<LocalTurn> | LocalTurn {
    const queue = this.#queues.get(resource);
    if (queue === undefined) {
      this.#queues.set(resource, []);
      return this.#turn(resource);
    }
    if (queue.length >= MAX_WAITING_EACH || this.#waiting >= MAX_WAITING) throw new GatewayError('busy');
    return new Promise((resolve, reject) => {
      this.#waiting += 1;
      const cancel = this.#timers.after(MAX_TURN_WAIT_MS, () => {
        queue.splice(queue.indexOf(waiting), 1);
        this.#waiting -= 1;
        reject(new GatewayError('busy', `the write has waited ${MAX_TURN_WAIT_MS / 1000} s for its turn`));
      });
      const waiting: Waiting = {
        begin: () => {
          cancel();
          this.#waiting -= 1;
          resolve(this.#turn(resource));
        },
      };
      queue.push(waiting);
    });
  }

  #turn(resource: string): LocalTurn {
    let ended = false;
    return {
      end: () => {
        if (ended) return;
        ended = true;
        const next = this.#queues.get(resource)?.shift();
        if (next === undefined) this.#queues.delete(resource);
        else next.begin();
      },
    };
  }
}
