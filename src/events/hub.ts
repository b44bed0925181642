import type { Event } from './event.ts';
import { EventHistory } from './history.ts';
import { type Filter, Topic, TopicIndex } from './topic.ts';

/** Bytes that may wait to be sent to one subscriber. Beyond them it reads too slowly, and is dropped; it can resume. */
const MAX_UNSENT_BYTES = 1024 * 1024;

export interface EventHubOptions {
  /** Of the log whose positions the ids are. */
  readonly epoch: string;
  readonly history: number;
  readonly maxSubscribers: number;
  readonly heartbeatMs: number;
}

/** Where a subscriber's bytes go: a socket, or a response that writes straight to one. */
export interface Sink {
  readonly writableLength: number;
  write(bytes: Buffer): unknown;
  end(): unknown;
  destroy(): unknown;
}

export interface Subscriber {
  /** Ends the subscription; the sink is left to its owner. */
  unsubscribe(): void;
}

/**
 * Announces committed records to subscribers (coherence.md, invariant 4): in log order, to each the same prepared bytes. Who
 * subscribes with the id of the last event that it saw gets what it missed, without a gap or a repetition before what is live.
 */
export class EventHub {
  readonly #options: EventHubOptions;
  #history: EventHistory;
  readonly #topics = new TopicIndex();
  readonly #sinks = new Map<Topic, Set<Sink>>();
  #heartbeat: NodeJS.Timeout | undefined;
  #closed = false;
  subscribers = 0;
  announced = 0;
  /** Dropped for reading too slowly. */
  dropped = 0;
  resyncs = 0;

  constructor(options: EventHubOptions) {
    this.#options = options;
    this.#history = new EventHistory(options.epoch, options.history);
  }

  /** Events were missed: whoever listens is told to look again. What is announced next comes after `from` in `epoch`. */
  reset(epoch: string, from: number | string): void {
    this.#history = new EventHistory(epoch, this.#options.history, from);
    const bytes = Buffer.from(`id: ${this.#history.lastId}\nevent: resync\ndata: {}\n\n`);
    for (const [topic, sinks] of this.#sinks) for (const sink of [...sinks]) this.#send(topic, sink, bytes);
  }

  /** `events` in log order, their records committed. */
  announce(events: readonly Event[]): void {
    for (const event of events) {
      this.#history.push(event);
      this.announced += 1;
      if (this.subscribers === 0) continue;
      let bytes: Buffer | undefined;
      for (const topic of this.#topics.matching(event)) {
        bytes ??= eventBytes(event);
        for (const sink of this.#sinks.get(topic) ?? []) this.#send(topic, sink, bytes);
      }
    }
  }

  /**
   * Begins a subscription. `lastEventId` undefined: from now on. `full`: there are as many subscribers as there may be.
   * @throws PatternError
   */
  subscribe(filter: Filter, sink: Sink, lastEventId?: string): Subscriber | 'full' {
    if (this.#closed || this.subscribers >= this.#options.maxSubscribers) return 'full';
    const wanted = new Topic(filter);
    const topic = this.#topics.get(wanted.key) ?? wanted;
    const sinks = this.#sinks.get(topic) ?? new Set();
    if (sinks.size === 0) {
      this.#topics.add(topic);
      this.#sinks.set(topic, sinks);
    }
    sinks.add(sink);
    this.subscribers += 1;
    this.#heartbeat ??= setInterval(() => this.#beat(), this.#options.heartbeatMs).unref();
    // Synchronous from here to the return: no event can come between what is replayed and what is live.
    sink.write(this.#opening(topic, lastEventId));
    return { unsubscribe: () => this.#remove(topic, sink) };
  }

  /** Ends every stream. */
  close(): void {
    this.#closed = true;
    for (const [topic, sinks] of this.#sinks) {
      for (const sink of [...sinks]) {
        this.#remove(topic, sink);
        sink.end();
      }
    }
  }

  #opening(topic: Topic, lastEventId: string | undefined): Buffer {
    const current = this.#history.lastId;
    // An id without data dispatches nothing and yet is what a client that has seen no event resumes from (WHATWG HTML §9.2.6).
    const head = `retry: ${RETRY_MS}\n: unstale\nid: ${current}\n\n`;
    const missed = lastEventId === undefined ? [] : this.#history.since(lastEventId);
    if (missed === 'gap') {
      this.resyncs += 1;
      return Buffer.from(`retry: ${RETRY_MS}\n: unstale\n\nid: ${current}\nevent: resync\ndata: {}\n\n`);
    }
    if (lastEventId === undefined) return Buffer.from(head);
    const replayed = missed.filter((event) => topic.matches(event)).map(eventBytes);
    // What came since and does not match is passed over for good: the id says so, behind the replay.
    return Buffer.concat([
      Buffer.from(`retry: ${RETRY_MS}\n: unstale\n\n`),
      ...replayed,
      Buffer.from(`id: ${current}\n\n`),
    ]);
  }

  #send(topic: Topic, sink: Sink, bytes: Buffer): void {
    if (sink.writableLength > MAX_UNSENT_BYTES) {
      this.dropped += 1;
      this.#remove(topic, sink);
      sink.destroy();
    } else {
      sink.write(bytes);
    }
  }

  #remove(topic: Topic, sink: Sink): void {
    const sinks = this.#sinks.get(topic);
    if (sinks?.delete(sink) !== true) return;
    this.subscribers -= 1;
    if (sinks.size === 0) {
      this.#sinks.delete(topic);
      this.#topics.remove(topic);
    }
    if (this.subscribers === 0) {
      clearInterval(this.#heartbeat);
      this.#heartbeat = undefined;
    }
  }

  #beat(): void {
    for (const [topic, sinks] of this.#sinks) for (const sink of [...sinks]) this.#send(topic, sink, heartbeat);
  }
}

/** How long a client waits before it reconnects. */
const RETRY_MS = 1_000;
const heartbeat = Buffer.from(': \n\n');

/** JSON has no raw line feeds, and types and ids none either: nothing in an event can end its frame. */
function eventBytes({ id, type, ...data }: Event): Buffer {
  return Buffer.from(`id: ${id}\nevent: ${type}\ndata: ${JSON.stringify(data)}\n\n`);
}
