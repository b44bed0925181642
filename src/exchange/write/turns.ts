import type { Clock, Timers } from '../../clock.ts';
import type { Log } from '../../coherence/log.ts';
import { GatewayError } from '../../errors.ts';

/** Writes of one resource that may wait. Each holds its body: a burst must not fill the memory. */
const MAX_WAITING_EACH = 64;
/** Of these, writes of one address: it cannot keep all others from a resource. */
const MAX_WAITING_OF_ADDRESS = 16;
/** Of all resources together. */
const MAX_WAITING = 2_048;
/** How long a write waits for its turn. Clients and proxies give up after half a minute to a minute. */
const MAX_TURN_WAIT_MS = 10_000;

/** Who waits for its turn. */
export interface TurnTaker {
  /** Undefined: not known, so it counts with no other. */
  readonly address: string | undefined;
  /** Calls the listener once nobody waits for the answer any more. */
  onGone(listener: () => void): void;
}

interface Waiting {
  readonly address: string | undefined;
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
   * @throws GatewayError busy: too many wait, it has waited too long, or the client has gone; uncoordinated
   */
  async take(resource: string, taker: TurnTaker): Promise<Turn> {
    const until = this.#monotonic() + MAX_TURN_WAIT_MS;
    let gone = false;
    taker.onGone(() => {
      gone = true;
    });
    const local = await this.#take(resource, taker);
    try {
      const shared = await this.#log.turn(resource, Math.max(0, until - this.#monotonic()));
      if (gone) {
        shared.end();
        throw hasGone();
      }
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

  #take(resource: string, taker: TurnTaker): Promise<LocalTurn> | LocalTurn {
    const queue = this.#queues.get(resource);
    if (queue === undefined) {
      this.#queues.set(resource, []);
      return this.#turn(resource);
    }
    const { address } = taker;
    const ofAddress = address === undefined ? 0 : queue.filter((other) => other.address === address).length;
    const isFull = queue.length >= MAX_WAITING_EACH || this.#waiting >= MAX_WAITING;
    if (isFull || ofAddress >= MAX_WAITING_OF_ADDRESS) throw new GatewayError('busy');
    return new Promise((resolve, reject) => {
      this.#waiting += 1;
      const leave = (error: GatewayError): void => {
        const at = queue.indexOf(waiting);
        if (at < 0) return;
        queue.splice(at, 1);
        cancel();
        this.#waiting -= 1;
        reject(error);
      };
      const detail = `the write has waited ${MAX_TURN_WAIT_MS / 1000} s for its turn`;
      const cancel = this.#timers.after(MAX_TURN_WAIT_MS, () => leave(new GatewayError('busy', detail)));
      const waiting: Waiting = {
        address,
        begin: () => {
          cancel();
          this.#waiting -= 1;
          resolve(this.#turn(resource));
        },
      };
      queue.push(waiting);
      taker.onGone(() => leave(hasGone()));
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

/** Nobody is told. */
function hasGone(): GatewayError {
  return new GatewayError('busy', 'the client has gone');
}
