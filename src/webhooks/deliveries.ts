import type { Event } from '../events/event.ts';
import type { EndpointStatus } from './status.ts';

/** What an operator asks of an endpoint. */
export type Order = { readonly kind: 'enable' } | { readonly kind: 'redeliver'; readonly id?: string | undefined };

/** The deliveries to all endpoints, wherever their queues are kept. */
export interface Deliveries {
  /** All events of a committed record, in log order. `position`: its id. */
  announce(events: readonly Event[], position: string): void;
  /** Events up to there may have been missed. */
  miss(position: string): void;
  status(): Promise<readonly EndpointStatus[]>;
  /** Resolves false if there is no such endpoint. */
  order(name: string, order: Order): Promise<boolean>;
  /** Messages that wait at endpoints that this process delivers to. */
  waiting(): Record<string, number>;
  dead(): Record<string, number>;
  start(): void;
  stop(): Promise<void>;
}

/** Where there are no endpoints. */
export const noDeliveries: Deliveries = {
  announce: () => {},
  miss: () => {},
  status: () => Promise.resolve([]),
  order: () => Promise.resolve(false),
  waiting: () => ({}),
  dead: () => ({}),
  start: () => {},
  stop: () => Promise.resolve(),
};
