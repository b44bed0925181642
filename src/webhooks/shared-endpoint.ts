import type { Clock, Timers } from '../clock.ts';
import type { Order } from './deliveries.ts';
import type { Endpoint } from './endpoint.ts';
import { type LogFeed, positionIn, textOfPosition } from './log-feed.ts';
import { newQueue, type Queue, resumed } from './queue.ts';
import type { QueueKeeper } from './queue-keeper.ts';
import { decodeOrder, decodeQueue, encodeQueue } from './stored-queue.ts';

/** Renewals in the time of a lease: one that fails is made again before it runs out. */
const RENEWALS_PER_LEASE = 4;
/** The share of a lease for which this node holds it: its clock may run slower than that of Redis. */
const HELD_SHARE = 0.9;
/** A queue is stored no more often than this. What came later is read from the log again. */
const SAVE_MS = 1_000;
/** The same while an endpoint fails, and nothing but its position has changed: then the queue may be large. */
const SAVE_FAILING_MS = 10_000;
/** Records that may be left to be read again that long. The log keeps ten times as many. */
const RECORDS_BEHIND = 1_000;

export interface SharedEndpointPorts {
  readonly keeper: QueueKeeper;
  readonly feed: LogFeed;
  readonly clock: Clock;
  readonly timers: Timers;
  /** Names this process among those that deliver. */
  readonly holder: string;
  readonly leaseMs: number;
  readonly failed: (error: unknown) => void;
}

/**
 * One endpoint of a gateway of several nodes. The node that holds its lease reads the log from the position that is
 * stored with the queue, and delivers. A record is stored with the queue only while its event waits: the log keeps it
 * for the time until then, but not for the days that attempts take.
 *
 * A node that loses the lease can store nothing any more. So the next one may deliver again what it has delivered last.
 */
export class SharedEndpoint {
  readonly endpoint: Endpoint;
  readonly #ports: SharedEndpointPorts;
  #heldUntil = Number.NEGATIVE_INFINITY;
  #cancelRenewal: (() => void) | undefined;
  #cancelSave: (() => void) | undefined;
  #saveAt = Number.NEGATIVE_INFINITY;
  #savedAt = Number.NEGATIVE_INFINITY;
  /** The queue as it was stored last. */
  #stored: Queue | undefined;
  #saving: Promise<void> | undefined;
  #reading = false;
  /** More may have been committed since the log was read last. */
  #isBehind = false;
  #stopped = false;

  constructor(endpoint: Endpoint, ports: SharedEndpointPorts) {
    this.endpoint = endpoint;
    this.#ports = ports;
  }

  /** Whether this process may deliver now. */
  holds(): boolean {
    return this.#ports.clock.monotonic() < this.#heldUntil;
  }

  start(): void {
    void this.#renew();
  }

  async stop(): Promise<void> {
    this.#stopped = true;
    this.#cancelRenewal?.();
    this.#cancelSave?.();
    const queue = this.endpoint.close();
    if (queue === undefined) return;
    const { keeper, holder, failed } = this.#ports;
    const { name } = this.endpoint;
    try {
      await this.#saving;
      await keeper.save(name, holder, encodeQueue(queue));
      await keeper.release(name, holder);
    } catch (error) {
      failed(error);
    }
  }

  /** Called after each change of the queue. */
  changed(): void {
    if (this.#saving !== undefined) return;
    const saveAt = this.#savedAt + (this.#canWait() ? SAVE_FAILING_MS : SAVE_MS);
    if (this.#cancelSave !== undefined && this.#saveAt <= saveAt) return;
    this.#cancelSave?.();
    this.#saveAt = saveAt;
    this.#cancelSave = this.#ports.timers.after(Math.max(0, saveAt - this.#ports.clock.monotonic()), () => {
      this.#cancelSave = undefined;
      void this.#save();
    });
  }

  /** Whether the log has what is not stored yet, and keeps it for a while. */
  #canWait(): boolean {
    const { queue } = this.endpoint;
    const stored = this.#stored;
    if (queue === undefined || stored === undefined || queue.failure === null) return false;
    if (queue.attempts !== stored.attempts || queue.dueAt !== stored.dueAt) return false;
    const [at, from] = [positionIn(queue.position), positionIn(stored.position)];
    return at !== undefined && at.epoch === from?.epoch && at.seq - from.seq < RECORDS_BEHIND;
  }

  /** Takes in what has been committed. */
  async wake(): Promise<void> {
    this.#isBehind = true;
    if (this.#reading) return;
    this.#reading = true;
    try {
      while (this.#isBehind) {
        this.#isBehind = false;
        while (await this.#readSome());
      }
    } catch (error) {
      this.#ports.failed(error);
    } finally {
      this.#reading = false;
    }
  }

  /** Resolves true if there may be more. */
  async #readSome(): Promise<boolean> {
    const { feed } = this.#ports;
    const { queue } = this.endpoint;
    const end = feed.end();
    if (queue === undefined || end === undefined) return false;
    const at = positionIn(queue.position);
    if (at?.epoch !== end.epoch) {
      this.endpoint.miss(textOfPosition(end));
      return true;
    }
    if (at.seq >= end.seq) return false;
    const found = await feed.read(at);
    // This node has left the log meanwhile, or the log has begun anew: what was read says nothing.
    if (feed.end()?.epoch !== end.epoch) return true;
    // Another node delivers, or this one has taken over again.
    if (this.endpoint.queue?.position !== queue.position) return true;
    if (found === 'lost') this.endpoint.miss(textOfPosition(end));
    else this.endpoint.take(found.events, textOfPosition(found.to));
    return true;
  }

  async #renew(): Promise<void> {
    const { keeper, clock, timers, holder, leaseMs, failed } = this.#ports;
    const { endpoint } = this;
    if (!this.holds()) endpoint.close();
    const sentAt = clock.monotonic();
    try {
      const wants = endpoint.queue === undefined;
      const taken = await keeper.take(endpoint.name, { holder, ms: leaseMs, wants });
      if (this.#stopped) return;
      if (taken.held) {
        this.#heldUntil = sentAt + leaseMs * HELD_SHARE;
        // It ran out while the keeper answered.
        if (!wants && endpoint.queue === undefined) return void this.#renew();
        if (wants) this.#open(decodeQueue(taken.stored));
        for (const order of taken.orders) this.#obey(decodeOrder(order));
        void this.wake();
      } else {
        this.#heldUntil = Number.NEGATIVE_INFINITY;
        endpoint.close();
      }
    } catch (error) {
      failed(error);
    }
    if (!this.#stopped) this.#cancelRenewal = timers.after(leaseMs / RENEWALS_PER_LEASE, () => void this.#renew());
  }

  #open(stored: Queue | undefined): void {
    const now = this.#ports.clock.wall();
    const end = this.#ports.feed.end();
    this.#stored = stored;
    if (stored !== undefined) this.endpoint.open(resumed(stored, now));
    // Before this node is in the log, nobody knows where a new queue begins.
    else if (end !== undefined) this.endpoint.open(newQueue(textOfPosition(end), now));
    if (stored === undefined && end !== undefined) this.changed();
  }

  #obey(order: Order | undefined): void {
    if (order !== undefined) this.endpoint.obey(order);
  }

  async #save(): Promise<void> {
    const { keeper, clock, holder, failed } = this.#ports;
    const { name, queue } = this.endpoint;
    if (queue === undefined || !this.holds()) return;
    let isStored = false;
    const saving = keeper.save(name, holder, encodeQueue(queue)).then(
      (saved) => {
        isStored = saved;
        if (saved) this.#stored = queue;
        if (saved) return;
        this.#heldUntil = Number.NEGATIVE_INFINITY;
        this.endpoint.close();
      },
      (error: unknown) => failed(error),
    );
    this.#savedAt = clock.monotonic();
    this.#saving = saving;
    await saving;
    this.#saving = undefined;
    if (this.#stopped || this.endpoint.queue === undefined) return;
    if (!isStored || this.endpoint.queue !== queue) this.changed();
  }
}
