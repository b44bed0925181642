import type { Clock } from '../clock.ts';
import type { Event } from '../events/event.ts';
import type { Deliveries, Order } from './deliveries.ts';
import type { Endpoint } from './endpoint.ts';
import { newQueue } from './queue.ts';
import { type EndpointStatus, statusOf } from './status.ts';

export interface LocalPorts {
  /** The part of an event that endpoints may see. */
  visible(event: Event): Event | undefined;
  readonly clock: Pick<Clock, 'wall'>;
  /** Closes what the endpoints send by. */
  close(): Promise<void>;
}

/**
 * Keeps the queues in memory: there is one process, or one of several that delivers for all. After a restart nothing is
 * known of what waited, so each endpoint is told to resync.
 */
export class LocalDeliveries implements Deliveries {
  readonly #endpoints: readonly Endpoint[];
  readonly #ports: LocalPorts;
  #stopped = false;

  constructor(endpoints: readonly Endpoint[], ports: LocalPorts) {
    this.#endpoints = endpoints;
    this.#ports = ports;
  }

  announce(events: readonly Event[], position: string): void {
    const visible = events.flatMap((event) => this.#ports.visible(event) ?? []);
    for (const endpoint of this.#endpoints) endpoint.take(visible, position);
  }

  /** The first call says where the log begins. */
  miss(position: string): void {
    if (this.#stopped) return;
    for (const endpoint of this.#endpoints) {
      if (endpoint.queue === undefined) endpoint.open(newQueue(position, this.#ports.clock.wall()));
      else endpoint.miss(position);
    }
  }

  status(): Promise<readonly EndpointStatus[]> {
    return Promise.resolve(this.#endpoints.map(({ name, queue }) => statusOf(name, queue)));
  }

  order(name: string, order: Order): Promise<boolean> {
    const endpoint = this.#endpoints.find((each) => each.name === name);
    endpoint?.obey(order);
    return Promise.resolve(endpoint !== undefined);
  }

  waiting(): Record<string, number> {
    return Object.fromEntries(this.#endpoints.map(({ name, queue }) => [name, queue?.waiting.length ?? 0]));
  }

  dead(): Record<string, number> {
    return Object.fromEntries(this.#endpoints.map(({ name, queue }) => [name, queue?.dead.length ?? 0]));
  }

  start(): void {}

  async stop(): Promise<void> {
    this.#stopped = true;
    for (const endpoint of this.#endpoints) endpoint.close();
    await this.#ports.close();
  }
}
