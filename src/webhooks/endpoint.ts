import type { Clock, Timers } from '../clock.ts';
import type { WebhookConfig } from '../config/model.ts';
import type { Event } from '../events/event.ts';
import { Topic } from '../events/topic.ts';
import type { Order } from './deliveries.ts';
import { idOf, type Message, messageOf } from './message.ts';
import { type Change, type Outcome, type Queue, type QueueStep, step } from './queue.ts';

export interface EndpointPorts {
  readonly clock: Clock;
  readonly timers: Timers;
  /** From 0 to 1. */
  readonly random: () => number;
  /** One attempt. Resolves with undefined if the signal broke it off. */
  readonly send: (message: Message, stop: AbortSignal) => Promise<Outcome | undefined>;
  readonly report: EndpointReports;
  /** Whether this process may deliver now. If not, it is told when it may again, by `open`. */
  readonly holds: () => boolean;
  /** Called after each change of the queue. */
  readonly changed: () => void;
}

export interface EndpointReports {
  change(endpoint: string, change: Change, queue: Queue): void;
  attempt(endpoint: string, outcome: Outcome, id: string): void;
}

/**
 * Delivers what waits for one endpoint, one message after the other: the next is sent when the one before is delivered,
 * or has failed for good. What there is to decide is decided in queue.ts.
 */
export class Endpoint {
  readonly name: string;
  readonly #topic: Topic;
  readonly #types: ReadonlySet<string>;
  readonly #ports: EndpointPorts;
  /** Undefined while another process delivers. */
  #queue: Queue | undefined;
  #attempt: AbortController | undefined;
  #cancel: (() => void) | undefined;
  /** The end of the pause until `dueAt`, on the monotonic clock: the wall clock may be set meanwhile. */
  #pause: { readonly dueAt: number; readonly ends: number } | undefined;

  constructor({ name, match, tags, events }: WebhookConfig, ports: EndpointPorts) {
    this.name = name;
    this.#topic = new Topic({ match, tags });
    this.#types = new Set(events);
    this.#ports = ports;
  }

  get queue(): Queue | undefined {
    return this.#queue;
  }

  /** Begins to deliver what waits. */
  open(queue: Queue): void {
    this.close();
    this.#queue = queue;
    this.#next();
  }

  /** Ends deliveries. An attempt under way is broken off, and does not count. */
  close(): Queue | undefined {
    if (this.#queue !== undefined && this.#attempt !== undefined) {
      this.#queue = step(this.#queue, { kind: 'interrupt' }).queue;
    }
    this.#attempt?.abort();
    this.#attempt = undefined;
    this.#cancel?.();
    this.#cancel = undefined;
    const queue = this.#queue;
    this.#queue = undefined;
    return queue;
  }

  /** Events that have happened, of which this endpoint gets what it asks for. `position`: the id of the last. */
  take(events: readonly Event[], position: string): void {
    if (this.#queue === undefined) return;
    const messages = events.filter((event) => this.#isAsked(event)).map(messageOf);
    this.#step({ kind: 'take', messages, position, now: this.#now() });
  }

  /** Events up to `position` may have been missed. */
  miss(position: string): void {
    this.#step({ kind: 'miss', position, now: this.#now() });
  }

  /** Does what an operator asks. */
  obey(order: Order): void {
    const now = this.#now();
    if (order.kind === 'enable') this.#step({ kind: 'enable', now });
    else this.#step({ kind: 'redeliver', id: order.id, now });
  }

  #step(action: QueueStep): void {
    if (this.#queue === undefined) return;
    const { queue, changes } = step(this.#queue, action);
    this.#queue = queue;
    for (const change of changes) this.#ports.report.change(this.name, change, queue);
    this.#ports.changed();
    this.#next();
  }

  #now(): number {
    return this.#ports.clock.wall();
  }

  #isAsked(event: Event): boolean {
    return (this.#types.size === 0 || this.#types.has(event.type)) && this.#selects(event);
  }

  #selects(event: Event): boolean {
    return this.#topic.view(event) !== undefined;
  }

  /** Sends the first message, or waits until it is due. */
  #next(): void {
    this.#cancel?.();
    this.#cancel = undefined;
    const [message] = this.#queue?.waiting ?? [];
    if (this.#queue === undefined || this.#attempt !== undefined || message === undefined) return;
    if (!this.#ports.holds()) return;
    const waitMs = this.#waitOf(this.#queue);
    if (waitMs > 0) this.#cancel = this.#ports.timers.after(waitMs, () => this.#next());
    else void this.#send(message);
  }

  /**
   * A first attempt never waits: `dueAt` is then when the message before it was settled, and the clock may have been
   * set back since.
   */
  #waitOf({ attempts, dueAt }: Queue): number {
    if (attempts === 0) return 0;
    const now = this.#ports.clock.monotonic();
    if (this.#pause?.dueAt !== dueAt) this.#pause = { dueAt, ends: now + dueAt - this.#now() };
    return this.#pause.ends - now;
  }

  async #send(message: Message): Promise<void> {
    const attempt = new AbortController();
    this.#attempt = attempt;
    this.#step({ kind: 'begin' });
    const outcome = await this.#ports.send(message, attempt.signal);
    // Closed meanwhile, and perhaps opened again with what another process has left.
    if (this.#attempt !== attempt) return;
    this.#attempt = undefined;
    if (outcome === undefined) return;
    this.#ports.report.attempt(this.name, outcome, idOf(message));
    this.#step({ kind: 'end', outcome, now: this.#now(), random: this.#ports.random() });
  }
}
