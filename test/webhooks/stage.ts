import type { Clock, Timers } from '../../src/clock.ts';
import type { Event } from '../../src/events/event.ts';
import { Endpoint } from '../../src/webhooks/endpoint.ts';
import type { LogFeed, LogPosition } from '../../src/webhooks/log-feed.ts';
import { idOf } from '../../src/webhooks/message.ts';
import type { Outcome } from '../../src/webhooks/queue.ts';
import type { QueueKeeper, Taken } from '../../src/webhooks/queue-keeper.ts';
import { SharedEndpoint } from '../../src/webhooks/shared-endpoint.ts';

/* Nodes that deliver to one endpoint, a keeper and a log, in virtual time. */

export const LEASE_MS = 4_000;

interface Timer {
  readonly at: number;
  readonly run: () => void;
  readonly owner: Node | undefined;
}

/** What the keeper in Redis does (src/redis/webhook-queues.ts), on plain state. */
class Keeper implements QueueKeeper {
  readonly #stage: Stage;
  lease: { holder: string; until: number } | undefined;
  queue: string | undefined;
  orders: string[] = [];
  isAway = false;
  saves = 0;

  constructor(stage: Stage) {
    this.#stage = stage;
  }

  take(_: string, { holder, ms, wants }: { holder: string; ms: number; wants: boolean }): Promise<Taken> {
    if (this.isAway) return Promise.reject(new Error('away'));
    if (this.lease !== undefined && this.lease.until > this.#stage.now && this.lease.holder !== holder) {
      return Promise.resolve({ held: false });
    }
    this.lease = { holder, until: this.#stage.now + ms };
    return Promise.resolve({ held: true, stored: wants ? this.queue : undefined, orders: this.orders.splice(0) });
  }

  save(_: string, holder: string, queue: string): Promise<boolean> {
    if (this.isAway) return Promise.reject(new Error('away'));
    const isHeld = this.lease?.holder === holder && this.lease.until > this.#stage.now;
    if (isHeld) {
      this.queue = queue;
      this.saves += 1;
    }
    return Promise.resolve(isHeld);
  }

  release(_: string, holder: string): Promise<void> {
    if (this.lease?.holder === holder) this.lease = undefined;
    return Promise.resolve();
  }

  read(): Promise<string | undefined> {
    return Promise.resolve(this.queue);
  }

  order(_: string, order: string): Promise<void> {
    this.orders.push(order);
    return Promise.resolve();
  }
}

export class Stage {
  now = 0;
  readonly #timers = new Set<Timer>();
  readonly keeper = new Keeper(this);
  /** Ids of messages as they arrive, with the node that has sent each. */
  readonly arrived: string[] = [];
  answer: Outcome = { kind: 'delivered' };
  epoch = 'e';
  #events: Event[] = [];
  /** A payload of the events that are committed now. */
  payload: Event['payload'];
  /** The nodes have left the log. */
  isLeft = false;
  /** The log no longer has the records up to this one. */
  trimmed = 0;

  readonly clock: Clock = { monotonic: () => this.now, wall: () => 1_700_000_000_000 + this.now };

  commit(...paths: string[]): void {
    for (const path of paths) {
      const id = `${this.epoch}-${this.#events.length + 1}`;
      const cause = { method: 'PUT', path, rule: null };
      const told = { type: 'invalidate', paths: [path], tags: [], cause, at: '2026-01-02T03:04:05.678Z' };
      this.#events.push({ id, ...told, ...(this.payload && { payload: this.payload }) });
    }
  }

  /** Another epoch of the log: it has forgotten the one before. */
  forget(epoch: string): void {
    this.epoch = epoch;
    this.#events = [];
  }

  get end(): LogPosition {
    return { epoch: this.epoch, seq: this.#events.length };
  }

  readonly feed: { -readonly [Name in keyof LogFeed]: LogFeed[Name] } = {
    end: () => (this.isLeft ? undefined : this.end),
    read: ({ epoch, seq }) => {
      if (epoch !== this.epoch || seq < this.trimmed) return Promise.resolve('lost');
      // As many as one round trip brings.
      const events = this.#events.slice(seq, seq + 3);
      return Promise.resolve({ events, to: { epoch, seq: seq + events.length } });
    },
  };

  timersOf(owner?: Node): Timers {
    return {
      after: (ms, run) => {
        const timer = { at: this.now + Math.max(0, ms), run, owner };
        this.#timers.add(timer);
        return () => void this.#timers.delete(timer);
      },
    };
  }

  /** Lets time pass. Timers of nodes that are paused wait. */
  async pass(ms: number): Promise<void> {
    const end = this.now + ms;
    for (;;) {
      await settled();
      const due = [...this.#timers].filter(({ at, owner }) => at <= end && owner?.isPaused !== true);
      const next = due.sort((a, b) => a.at - b.at)[0];
      if (next === undefined) break;
      this.now = Math.max(this.now, next.at);
      this.#timers.delete(next);
      next.run();
    }
    this.now = end;
    await settled();
  }
}

/** Promises that hold each other up are done. */
const settled = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

export class Node {
  readonly shared: SharedEndpoint;
  readonly changes: string[] = [];
  isPaused = false;

  constructor(stage: Stage, name: string) {
    const timers = stage.timersOf(this);
    const config = { name: 'partner', url: 'https://partner.example/', secrets: [], match: [], tags: [], events: [] };
    const endpoint = new Endpoint(
      { ...config, allow: [], timeoutMs: 1_000 },
      {
        ...{ clock: stage.clock, timers, random: () => 0.5 },
        send: (message, stop) =>
          new Promise((resolve) => {
            stop.addEventListener('abort', () => resolve(undefined));
            timers.after(10, () => {
              stage.arrived.push(`${name} ${idOf(message)}`);
              resolve(stage.answer);
            });
          }),
        report: { change: (_, change) => void this.changes.push(change), attempt: () => {} },
        holds: () => this.shared.holds(),
        changed: () => this.shared.changed(),
      },
    );
    const { keeper, feed, clock } = stage;
    this.shared = new SharedEndpoint(endpoint, {
      ...{ keeper, feed, clock, timers, holder: name, leaseMs: LEASE_MS },
      failed: () => {},
    });
    this.shared.start();
  }

  get isOpen(): boolean {
    return this.shared.endpoint.queue !== undefined;
  }

  wake(): void {
    if (!this.isPaused && this.isOpen) void this.shared.wake();
  }
}
