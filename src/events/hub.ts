import { boundedEvent } from './bounded.ts';
import type { Event } from './event.ts';
import { heartbeat, idFrame, opening, resyncFrame } from './frame.ts';
import { EventHistory, type HeldEvent, type HistoryLimits } from './history.ts';
import { Sliced } from './sliced.ts';
import { type Filter, Topic } from './topic.ts';
import { TopicIndex } from './topic-index.ts';

/** Bytes that may wait to be sent to one subscriber. Beyond them it reads too slowly, and is dropped; it can resume. */
const MAX_UNSENT_BYTES = 256 * 1024;

/** Held events that one subscriber is looked at for, and bytes that it is sent, before it is another one's turn. */
const REPLAY_EVENTS = 64;
const REPLAY_BYTES = 64 * 1024;

/** Of the ids `position.n` of one record's events, the last: who has seen this has seen all of them. */
const BEHIND_ALL = 999_999;

export interface EventHubOptions {
  /** Of the log whose positions the ids are. */
  readonly epoch: string;
  readonly history: HistoryLimits;
  readonly maxSubscribers: number;
  readonly heartbeatMs: number;
}

/** Where a subscriber's bytes go: a socket, or a response that writes straight to one. */
export interface Sink {
  readonly writableLength: number;
  /** False: nothing more should be written before `drain`. */
  write(bytes: Buffer): boolean;
  once(event: 'drain', listener: () => void): unknown;
  cork(): void;
  uncork(): void;
  end(): unknown;
  destroy(): unknown;
}

export interface Subscriber {
  /** Ends the subscription; the sink is left to its owner. */
  unsubscribe(): void;
}

interface Subscription {
  readonly topic: Topic;
  readonly sink: Sink;
  /** Index of the event that it gets next: what is announced before it is not for it, or it has it. */
  next: number;
  /** It gets what it missed, and what is announced meanwhile behind that. */
  replaying: boolean;
  open: boolean;
}

/**
 * Announces committed records to subscribers (coherence.md, invariant 4): in log order, to each the same prepared bytes. Who
 * subscribes with the id of the last event that it saw gets what it missed, without a gap or a repetition before what is live.
 *
 * Events are sent out of the history, in slices of the event loop: what is not sent yet is bounded as the history is, and who falls
 * behind it is told to resync.
 */
export class EventHub {
  readonly #options: EventHubOptions;
  #history: EventHistory;
  readonly #topics = new TopicIndex();
  readonly #subscriptions = new Map<Topic, Set<Subscription>>();
  /** Those that miss something and can be written to. */
  readonly #replaying = new Set<Subscription>();
  /** Index of the next event that live subscribers get. */
  #live = 0;
  /** What all are sent ahead of the next event. */
  #toAll: Buffer | undefined;
  readonly #work = new Sliced(() => this.#send());
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

  /** What the held events take. */
  get historyBytes(): number {
    return this.#history.bytes;
  }

  /** Distinct filters that are subscribed to. */
  get topics(): number {
    return this.#topics.size;
  }

  /**
   * Events were missed: whoever listens is told to look again. What is announced next comes after all events of the record `seq`:
   * who has seen the first of them elsewhere has not seen the others.
   */
  reset(epoch: string, seq: number): void {
    this.#history = new EventHistory(epoch, this.#options.history, `${seq}.${BEHIND_ALL}`);
    this.#resyncAll();
    this.#work.restart();
  }

  /** `events` in log order, their records committed. */
  announce(events: readonly Event[]): void {
    for (const event of events) {
      this.#history.push(boundedEvent(event));
      this.announced += 1;
    }
    this.#work.wake();
  }

  /**
   * Begins a subscription. `lastEventId` undefined: from now on. `full`: there are as many subscribers as there may be.
   * @throws PatternError
   */
  subscribe(filter: Filter, sink: Sink, lastEventId?: string): Subscriber | 'full' {
    if (this.#closed || this.subscribers >= this.#options.maxSubscribers) return 'full';
    const wanted = new Topic(filter);
    const topic = this.#topics.get(wanted.key) ?? wanted;
    const { end, lastId } = this.#history;
    const subscription: Subscription = { topic, sink, next: end, replaying: false, open: true };
    const subscriptions = this.#subscriptions.get(topic) ?? new Set();
    if (subscriptions.size === 0) {
      this.#topics.add(topic);
      this.#subscriptions.set(topic, subscriptions);
    }
    subscriptions.add(subscription);
    this.subscribers += 1;
    this.#heartbeat ??= setInterval(() => this.#beat(), this.#options.heartbeatMs).unref();
    const from = lastEventId === undefined ? end : this.#history.after(lastEventId);
    sink.write(opening);
    if (from === 'gap') {
      this.resyncs += 1;
      sink.write(resyncFrame(lastId));
    } else if (from === end) {
      sink.write(idFrame(lastId));
    } else {
      subscription.next = from;
      this.#replay(subscription);
    }
    return { unsubscribe: () => this.#remove(subscription) };
  }

  /** Ends every stream. */
  close(): void {
    this.#closed = true;
    this.#work.stop();
    for (const subscription of this.#all()) {
      this.#remove(subscription);
      subscription.sink.end();
    }
  }

  #all(): Subscription[] {
    return [...this.#subscriptions.values()].flatMap((subscriptions) => [...subscriptions]);
  }

  /** Everything that is to be sent, a step between two `yield`s. */
  *#send(): Generator<unknown> {
    for (;;) {
      const bytes = this.#toAll;
      const [waiting] = this.#replaying;
      if (bytes !== undefined) {
        this.#toAll = undefined;
        yield* this.#sendToAll(bytes);
      } else if (this.#live < this.#history.end) {
        yield* this.#sendNext();
      } else if (waiting === undefined) {
        return;
      }
      if (waiting !== undefined) yield* this.#replaySome(waiting);
      yield;
    }
  }

  *#sendToAll(bytes: Buffer): Generator<unknown> {
    for (const subscription of this.#all()) {
      this.#write(subscription, bytes);
      yield;
    }
  }

  /** The next event, to all live subscribers that want it. */
  *#sendNext(): Generator<unknown> {
    const index = this.#live;
    const event = this.#history.at(index);
    if (event === undefined) {
      // More was announced than could be sent.
      this.#resyncAll();
      return;
    }
    if (this.subscribers > 0) yield* this.#sendEvent(event, index);
    // The history is another one since a reset, which has begun the work anew.
    this.#live = index + 1;
    this.#history.unsent = this.#live;
    this.#history.trim();
  }

  *#sendEvent(event: HeldEvent, index: number): Generator<unknown> {
    for (const topic of this.#topics.matching(event)) {
      if (topic === undefined) yield;
      else {
        for (const subscription of this.#subscriptions.get(topic) ?? []) {
          if (!subscription.replaying && subscription.next <= index) this.#write(subscription, event.frame);
          yield;
        }
      }
    }
  }

  /** Nobody is sent what is in the history: all look again, and go on from its end. */
  #resyncAll(): void {
    const { end, lastId } = this.#history;
    this.#live = end;
    this.#history.unsent = end;
    this.#replaying.clear();
    for (const subscription of this.#all()) {
      subscription.next = end;
      subscription.replaying = false;
    }
    this.resyncs += this.subscribers;
    this.#toAll = resyncFrame(lastId);
  }

  #replay(subscription: Subscription): void {
    subscription.replaying = true;
    this.#replaying.add(subscription);
    this.#work.wake();
  }

  /** Some of what a subscriber has missed. When it has everything it is live; when it reads slowly, it is waited for. */
  *#replaySome(subscription: Subscription): Generator<unknown> {
    // It goes behind the others.
    this.#replaying.delete(subscription);
    const own = new TopicIndex();
    own.add(subscription.topic);
    const frames: Buffer[] = [];
    let bytes = 0;
    let looked = 0;
    while (subscription.next < this.#history.end && looked < REPLAY_EVENTS && bytes < REPLAY_BYTES) {
      const event = this.#history.at(subscription.next);
      if (event === undefined) {
        // It read so slowly that what it misses has been forgotten.
        subscription.next = this.#history.end;
        frames.push(resyncFrame(this.#history.lastId));
        this.resyncs += 1;
        break;
      }
      let wanted = false;
      for (const topic of own.matching(event)) {
        if (topic === undefined) yield;
        else wanted = true;
      }
      yield;
      looked += 1;
      subscription.next += 1;
      if (wanted) {
        frames.push(event.frame);
        bytes += event.frame.byteLength;
      }
    }
    if (!subscription.open || !subscription.replaying) return;
    const isLive = subscription.next >= this.#history.end;
    // What came since and does not match is passed over for good: the id says so, behind the replay.
    if (isLive) frames.push(idFrame(this.#history.lastId));
    const { sink } = subscription;
    let ready = true;
    sink.cork();
    for (const frame of frames) ready = sink.write(frame);
    sink.uncork();
    if (isLive) subscription.replaying = false;
    else if (ready) this.#replaying.add(subscription);
    else sink.once('drain', () => subscription.open && subscription.replaying && this.#replay(subscription));
  }

  #write(subscription: Subscription, bytes: Buffer): void {
    const { sink, open } = subscription;
    if (!open) return;
    if (sink.writableLength > MAX_UNSENT_BYTES) {
      this.dropped += 1;
      this.#remove(subscription);
      sink.destroy();
    } else {
      sink.write(bytes);
    }
  }

  #remove(subscription: Subscription): void {
    const { topic } = subscription;
    const subscriptions = this.#subscriptions.get(topic);
    if (subscriptions?.delete(subscription) !== true) return;
    subscription.open = false;
    this.#replaying.delete(subscription);
    this.subscribers -= 1;
    if (subscriptions.size === 0) {
      this.#subscriptions.delete(topic);
      this.#topics.remove(topic);
    }
    if (this.subscribers === 0) {
      clearInterval(this.#heartbeat);
      this.#heartbeat = undefined;
    }
  }

  #beat(): void {
    this.#toAll ??= heartbeat;
    this.#work.wake();
  }
}
