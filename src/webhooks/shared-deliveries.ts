import type { Deliveries, Order } from './deliveries.ts';
import type { QueueKeeper } from './queue-keeper.ts';
import type { SharedEndpoint } from './shared-endpoint.ts';
import { type EndpointStatus, statusOf } from './status.ts';
import { decodeQueue } from './stored-queue.ts';

/** The endpoints of a gateway whose queues are kept for several nodes, and for after a restart. */
export class SharedDeliveries implements Deliveries {
  readonly #endpoints: readonly SharedEndpoint[];
  readonly #keeper: QueueKeeper;
  readonly #close: () => Promise<void>;

  /** @param close closes what the endpoints and the keeper use */
  constructor(endpoints: readonly SharedEndpoint[], keeper: QueueKeeper, close: () => Promise<void>) {
    this.#endpoints = endpoints;
    this.#keeper = keeper;
    this.#close = close;
  }

  /** What was committed is read from the log, from where each queue is. */
  announce(): void {
    for (const shared of this.#endpoints) if (shared.endpoint.queue !== undefined) void shared.wake();
  }

  miss(): void {
    this.announce();
  }

  status(): Promise<readonly EndpointStatus[]> {
    return Promise.all(
      this.#endpoints.map(async ({ endpoint: { name, queue } }) =>
        statusOf(name, queue ?? decodeQueue(await this.#keeper.read(name))),
      ),
    );
  }

  async order(name: string, order: Order): Promise<boolean> {
    const shared = this.#endpoints.find(({ endpoint }) => endpoint.name === name);
    if (shared === undefined) return false;
    if (shared.holds()) shared.endpoint.obey(order);
    else await this.#keeper.order(name, JSON.stringify(order));
    return true;
  }

  waiting(): Record<string, number> {
    return this.#counts(({ waiting }) => waiting.length);
  }

  dead(): Record<string, number> {
    return this.#counts(({ dead }) => dead.length);
  }

  start(): void {
    for (const shared of this.#endpoints) shared.start();
  }

  async stop(): Promise<void> {
    await Promise.all(this.#endpoints.map((shared) => shared.stop()));
    await this.#close();
  }

  #counts(of: (queue: { waiting: readonly unknown[]; dead: readonly unknown[] }) => number): Record<string, number> {
    return Object.fromEntries(
      this.#endpoints.flatMap(({ endpoint: { name, queue } }) => (queue === undefined ? [] : [[name, of(queue)]])),
    );
  }
}
