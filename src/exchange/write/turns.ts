import type { Clock, Timers } from '../../clock.ts';
import type { Log } from '../../coherence/log.ts';
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
export interface Turn {
  /** Whether no other write of the resource, on any node, can have begun. */
  readonly holds: () => boolean;
  /** The next one begins. Further calls have no effect. */
  readonly end: () => void;
  /** Of a turn that is taken late: awaited before the end of the body is sent. */
  readonly begin?: () => Promise<void>;
}

/** The turn of a write whose body is streamed. It is taken once all of it has arrived: nobody waits for its client. */
export class LateTurn implements Turn {
  readonly #take: () => Promise<Turn>;
  #turn: Turn | undefined;

  constructor(take: () => Promise<Turn>) {
    this.#take = take;
  }

  readonly begin = async (): Promise<void> => {
    this.#turn = await this.#take();
  };

  /** Without the end of its body, a write is none. */
  readonly holds = (): boolean => this.#turn?.holds() ?? true;

  readonly end = (): void => this.#turn?.end();
}

interface LocalTurn {
  end(): void;
}

/** Turns: writes of one resource go one after the other, on this node in the order in which they came. */
export class Turns {
  readonly #timers: Timers;
  readonly #monotonic: () => number;
  readonly #log: Pick<Log, 'turn'>;
  /** Of each resource whose turn is taken: who waits. */
  readonly #queues = new Map<string, Waiting[]>();
  #waiting = 0;

  /** @param log where nodes take turns with each other */
  constructor({ timers, clock, log }: { timers: Timers; clock: Clock; log: Pick<Log, 'turn'> }) {
    this.#timers = timers;
    this.#monotonic = clock.monotonic;
    this.#log = log;
  }

  get waiting(): number {
    return this.#waiting;
  }

  /**
   * First on this node, then among the nodes: so each node waits there once for each resource.
   * @throws GatewayError busy: too many wait, or it has waited too long; uncoordinated
   */
  async take(resource: string): Promise<Turn> {
    const until = this.#monotonic() + MAX_TURN_WAIT_MS;
    const local = await this.#take(resource);
    try {
      const shared = await this.#log.turn(resource, Math.max(0, until - this.#monotonic()));
      const end = (): void => {
        shared.end();
        local.end();
      };
      return { holds: () => shared.holds(), end };
    } catch (error) {
      local.end();
      throw error;
    }
  }

  #take(resource: string): Promise<LocalTurn> | LocalTurn {
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
