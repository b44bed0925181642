import type { Clock, Timers } from '../../clock.ts';
import type { Log } from '../../coherence/log.ts';
import { GatewayError } from '../../errors.ts';
import type { Place } from '../origin-shares.ts';
import { hasGone, MAX_TURN_WAIT_MS, TurnQueue, type TurnTaker } from './turn-queue.ts';

/** A write's turn. */
export interface Turn {
  /** Whether no other write of the resource, on any node, can have begun. */
  readonly holds: () => boolean;
  /** The next one begins. Further calls have no effect. */
  readonly end: () => void;
  /** What its write got with it. It keeps that until it has its answer, so it gives it back itself. */
  readonly place?: Place | undefined;
  /** Of a turn that is taken late: awaited before the end of the body is sent. */
  readonly begin?: () => Promise<void>;
}

/** The turn of a write whose body is streamed. It is taken once all of it has arrived: nobody waits for its client. */
export class LateTurn implements Turn {
  readonly #take: () => Promise<Turn>;
  #turn: Turn | undefined;
  #hasEnded = false;

  constructor(take: () => Promise<Turn>) {
    this.#take = take;
  }

  readonly begin = async (): Promise<void> => {
    const turn = await this.#take();
    if (this.#hasEnded) {
      // The origin has answered it early. Nobody else would end the turn.
      turn.end();
      throw new GatewayError('busy', 'the write has been answered before its turn came');
    }
    this.#turn = turn;
  };

  /** Without the end of its body, a write is none. */
  readonly holds = (): boolean => this.#turn?.holds() ?? true;

  readonly end = (): void => {
    this.#hasEnded = true;
    this.#turn?.end();
  };
}

/** Turns: writes of one resource go one after the other, on this node in the order in which they came. */
export class Turns {
  readonly #timers: Timers;
  readonly #monotonic: () => number;
  readonly #log: Pick<Log, 'turn'>;
  /** Of each resource whose turn is taken, or waited for. */
  readonly #queues = new Map<string, TurnQueue>();
  readonly #total = { waiting: 0 };

  /** @param log where nodes take turns with each other */
  constructor({ timers, clock, log }: { timers: Timers; clock: Clock; log: Pick<Log, 'turn'> }) {
    this.#timers = timers;
    this.#monotonic = clock.monotonic;
    this.#log = log;
  }

  get waiting(): number {
    return this.#total.waiting;
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
    const local = await this.#queueOf(resource).join(taker);
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
      return { holds: () => shared.holds(), end, place: local.place };
    } catch (error) {
      local.place?.leave();
      local.end();
      throw error;
    }
  }

  #queueOf(resource: string): TurnQueue {
    const known = this.#queues.get(resource);
    if (known !== undefined) return known;
    const onIdle = (): void => void this.#queues.delete(resource);
    const queue = new TurnQueue({ timers: this.#timers, total: this.#total, onIdle });
    this.#queues.set(resource, queue);
    return queue;
  }
}
