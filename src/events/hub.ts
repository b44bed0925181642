import { systemClock, systemTimers } from '../clock.ts';
import { boundedEvent } from './bounded.ts';
import { Coalesced } from './coalesced.ts';
import type { Event } from './event.ts';
import type { Filter } from './filter.ts';
import { heartbeat, idFrame, opening, resyncFrame, retryFrame, spreadRetryMs } from './frame.ts';
import { FramesOf } from './frames-of.ts';
import { EventHistory, type HeldEvent, type HistoryLimits } from './history.ts';
import { onExpiry, type Rights } from './rights.ts';
import { Sliced } from './sliced.ts';
import { Topic } from './topic.ts';
import { TopicIndex } from './topic-index.ts';

/** Limit on unsent bytes of one subscriber. Beyond it the subscriber reads too slowly and is dropped; it can resume. */
const MAX_UNSENT_BYTES = 256 * 1024;

/** How many held events are checked, and bytes sent, for one resuming subscriber before the next has its turn. */
const REPLAY_EVENTS = 64;
const REPLAY_BYTES = 64 * 1024;

/** The largest `n` in the ids `position.n` of one record's events. An id with it comes after all of them. */
const LAST_OF_RECORD = 999_999;

const system = { clock: systemClock, timers: systemTimers };

export interface EventHubOptions {
  /** The epoch of the log whose positions are the event ids. */
  readonly epoch: string;
  readonly history: HistoryLimits;
  readonly maxSubscribers: number;
  readonly heartbeatMs: number;
  /** Events with the same type and paths within this time become one. Default: none do. */
  readonly coalesceMs?: number;
  /** Told to clients as `refetchWithinMs`. Default: not told. */
  readonly jitterMs?: number;
}

/** The destination of a subscriber's bytes: a socket, or a response that writes directly to one. */
export interface Sink {
  readonly writableLength: number;
  /** Returns false if nothing more should be written before `drain`. */
  write(bytes: Buffer): boolean;
  once(event: 'drain', listener: () => void): unknown;
  cork(): void;
  uncork(): void;
  end(): unknown;
  destroy(): unknown;
}

export interface Subscription {
  readonly filter: Filter;
  readonly rights: Rights;
  /** The last event that the subscriber has seen. Absent: it receives events from now on. */
  readonly lastEventId?: string | undefined;
  /** Events that this client caused are not sent. */
  readonly client?: string | undefined;
  /** Called when the rights have expired, in place of ending the sink. The subscription has ended then. */
  readonly expired?: () => void;
}

export interface Subscriber {
  /** Ends the subscription. Does not end the sink. */
  unsubscribe(): void;
}

interface Subscribed {
  readonly topic: Topic;
  readonly sink: Sink;
  readonly client: string | undefined;
  /** Cancels the timer that ends it when its rights expire. */
  cancelExpiry: () => void;
  /** Index of the next event to send. Earlier ones have been sent to it, or are from before it subscribed. */
  next: number;
  /** It is receiving events that it missed. New events follow after them. */
  replaying: boolean;
  open: boolean;
}

/**
 * Announces committed records to subscribers (invariant 4): in log order, with the same prepared bytes for all. A
 * subscriber that gives the id of the last event it saw first receives what it missed, without gaps or repetitions.
 *
 * Events are sent from the history in slices of the event loop. The limits of the history therefore also bound unsent
 * events. A subscriber that falls behind the history is told to resync.
 */
export class EventHub {
  readonly #options: EventHubOptions;
  readonly #refetch: Pick<Event, 'refetchWithinMs'>;
  readonly #coalesced: Coalesced;
  #history: EventHistory;
  readonly #topics = new TopicIndex();
  readonly #subscriptions = new Map<Topic, Set<Subscribed>>();
  /** Subscriptions that still miss events and can be written to. */
  readonly #replaying = new Set<Subscribed>();
  /** Index of the next event for live subscribers. */
  #live = 0;
  /** A frame to send to all subscribers before the next event. */
  #toAll: Buffer | undefined;
  readonly #work = new Sliced(() => this.#send());
  /** The id that `cursor` has looked at last: each hit asks for it. */
  #checked = { id: '', isSound: false };
  #heartbeat: NodeJS.Timeout | undefined;
  #closed = false;
  subscribers = 0;
  announced = 0;
  /** Subscribers dropped for reading too slowly. */
  dropped = 0;
  resyncs = 0;

  constructor(options: EventHubOptions) {
    this.#options = options;
    const { coalesceMs = 0, jitterMs = 0 } = options;
    this.#refetch = jitterMs > 0 ? { refetchWithinMs: jitterMs } : {};
    this.#coalesced = new Coalesced(coalesceMs, (events) => this.#add(events));
    this.#history = new EventHistory(options.epoch, options.history);
  }

  /** Memory of the held events. */
  get historyBytes(): number {
    return this.#history.bytes;
  }

  /**
   * The id of the newest event, from which a subscription misses nothing later. It is written into header fields, and
   * another node has made it: undefined if it could break out of its line, or before there is a log.
   */
  get cursor(): string | undefined {
    const { lastId } = this.#history;
    if (lastId !== this.#checked.id) this.#checked = { id: lastId, isSound: /^\w+-[\d.]+$/.test(lastId) };
    return this.#checked.isSound ? lastId : undefined;
  }

  /** Number of distinct filters with subscribers. */
  get topics(): number {
    return this.#topics.size;
  }

  /**
   * Tells all subscribers to resync because events were missed. The next event comes after all events of the record
   * `seq`: a subscriber that saw only the first of them on another node has missed the others.
   */
  reset(epoch: string, seq: number): void {
    this.#coalesced.clear();
    this.#history = new EventHistory(epoch, this.#options.history, `${seq}.${LAST_OF_RECORD}`);
    this.#resyncAll();
    this.#work.restart();
  }

  /** @param events events of committed records, in log order */
  announce(events: readonly Event[]): void {
    this.#coalesced.add(events);
  }

  #add(events: readonly Event[]): void {
    for (const event of events) {
      this.#history.push({ ...boundedEvent(event), ...this.#refetch });
      this.announced += 1;
    }
    this.#work.wake();
  }

  /**
   * Starts a subscription. Returns `full` if the maximum number of subscribers is reached.
   * @throws PatternError
   */
  subscribe({ filter, rights, lastEventId, client, expired }: Subscription, sink: Sink): Subscriber | 'full' {
    if (this.#closed || this.subscribers >= this.#options.maxSubscribers) return 'full';
    // The subscriber may have seen elsewhere what is still held here.
    this.#coalesced.flush();
    const wanted = new Topic(filter, rights);
    const topic = this.#topics.get(wanted.key) ?? wanted;
    const { end, lastId } = this.#history;
    const cancelExpiry = onExpiry(rights, system, () => {
      this.#remove(subscription);
      (expired ?? (() => sink.end()))();
    });
    const subscription: Subscribed = { topic, sink, client, next: end, replaying: false, open: true, cancelExpiry };
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
      sink.write(resyncFrame(lastId, this.#refetch));
    } else if (from === end) {
      sink.write(idFrame(lastId));
    } else {
      subscription.next = from;
      this.#replay(subscription);
    }
    return { unsubscribe: () => this.#remove(subscription) };
  }

  /** Ends every stream. Its clients do not all come back at once. */
  close(): void {
    this.#closed = true;
    this.#coalesced.flush();
    const { subscribers } = this;
    this.#work.stop();
    for (const subscription of this.#all()) {
      this.#remove(subscription);
      subscription.sink.write(retryFrame(spreadRetryMs(subscribers)));
      subscription.sink.end();
    }
  }

  #all(): Subscribed[] {
    return [...this.#subscriptions.values()].flatMap((subscriptions) => [...subscriptions]);
  }

  /** Sends everything that is pending. One step of work between two `yield`s. */
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

  /** Sends the next event to all live subscribers whose filter matches. */
  *#sendNext(): Generator<unknown> {
    const index = this.#live;
    const event = this.#history.at(index);
    if (event === undefined) {
      // The event was forgotten: more was announced than could be sent.
      this.#resyncAll();
      return;
    }
    if (this.subscribers > 0) yield* this.#sendEvent(event, index);
    // Not reached after a reset in between: it replaces the history and restarts the work.
    this.#live = index + 1;
    this.#history.unsent = this.#live;
    this.#history.trim();
  }

  *#sendEvent(event: HeldEvent, index: number): Generator<unknown> {
    const frames = new FramesOf(event);
    for (const topic of this.#topics.matching(event)) {
      const frame = topic && frames.for(topic);
      yield;
      if (topic === undefined || frame === undefined) continue;
      for (const subscription of this.#subscriptions.get(topic) ?? []) {
        const isDue = !subscription.replaying && subscription.next <= index;
        if (isDue && !isEcho(event, subscription)) this.#write(subscription, frame);
        yield;
      }
    }
  }

  /** Tells all subscribers to resync, and continues from the end of the history. */
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
    this.#toAll = resyncFrame(lastId, this.#refetch);
  }

  #replay(subscription: Subscribed): void {
    subscription.replaying = true;
    this.#replaying.add(subscription);
    this.#work.wake();
  }

  /** Sends some of the events that a subscriber missed. It becomes live when it has them all; a slow one is awaited. */
  *#replaySome(subscription: Subscribed): Generator<unknown> {
    // Moves it to the end of the queue.
    this.#replaying.delete(subscription);
    const own = new TopicIndex();
    own.add(subscription.topic);
    const frames: Buffer[] = [];
    let bytes = 0;
    let looked = 0;
    while (subscription.next < this.#history.end && looked < REPLAY_EVENTS && bytes < REPLAY_BYTES) {
      const event = this.#history.at(subscription.next);
      if (event === undefined) {
        // It read so slowly that the events it missed have been forgotten.
        subscription.next = this.#history.end;
        frames.push(resyncFrame(this.#history.lastId, this.#refetch));
        this.resyncs += 1;
        break;
      }
      let frame: Buffer | undefined;
      for (const topic of own.matching(event)) {
        if (topic === undefined) yield;
        else frame = new FramesOf(event).for(topic);
      }
      yield;
      looked += 1;
      subscription.next += 1;
      if (frame !== undefined && !isEcho(event, subscription)) {
        frames.push(frame);
        bytes += frame.byteLength;
      }
    }
    if (!subscription.open || !subscription.replaying) return;
    const isLive = subscription.next >= this.#history.end;
    // The id after the replay lets it resume without checking the events that did not match.
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

  #write(subscription: Subscribed, bytes: Buffer): void {
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

  #remove(subscription: Subscribed): void {
    const { topic } = subscription;
    const subscriptions = this.#subscriptions.get(topic);
    if (subscriptions?.delete(subscription) !== true) return;
    subscription.open = false;
    subscription.cancelExpiry();
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

/** Whether the subscriber's own write caused the event. */
function isEcho({ client }: HeldEvent, subscription: Subscribed): boolean {
  return client !== undefined && client === subscription.client;
}
