import { systemClock, systemTimers } from '../clock.ts';
import { GatewayError } from '../errors.ts';
import { boundedEvent } from './bounded.ts';
import { Coalesced } from './coalesced.ts';
import type { Event } from './event.ts';
import { eventStream, spreadRetryMs } from './frame.ts';
import { FramesOf } from './frames-of.ts';
import { Heartbeat, type HeartbeatOptions } from './heartbeat.ts';
import type { HeldEvent } from './held-event.ts';
import { afterRecord, EventHistory, type HistoryLimits } from './history.ts';
import { gathered, isEcho, NEVER_HELD, type Subscribed, skipTo } from './replay.ts';
import { onExpiry } from './rights.ts';
import { type Signal, Signals, type Told } from './signals.ts';
import type { Sink } from './sink.ts';
import { Sliced } from './sliced.ts';
import type { Change, Subscriber, Subscription } from './subscription.ts';
import { Subscriptions } from './subscriptions.ts';
import { Prepared, type Wire } from './wire.ts';

/** Limit on unsent bytes of one subscriber. Beyond it the subscriber reads too slowly and is dropped; it can resume. */
const MAX_UNSENT_BYTES = 256 * 1024;

/**
 * Changes of a subscriber's filter that wait for what it missed. One who asks for more, and does not read, is dropped.
 */
const MAX_PENDING_CHANGES = 80;

export interface EventHubOptions extends Partial<Pick<HeartbeatOptions, 'timers' | 'holdsLease'>> {
  /** The epoch of the log whose positions are the event ids. */
  readonly epoch: string;
  readonly history: HistoryLimits;
  readonly maxSubscribers: number;
  readonly heartbeatMs: number;
  /** Events with the same type, paths and tags within this time become one. Default: none do. */
  readonly coalesceMs?: number;
  /** Told to clients as `refetchWithinMs`. Default: not told. */
  readonly jitterMs?: number;
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
  readonly #subscriptions = new Subscriptions();
  readonly #signals = new Signals();
  /** Signals that have not been sent to all yet. */
  #signalled: Told[] = [];
  /** Subscriptions that still miss events and can be written to. */
  readonly #replaying = new Set<Subscribed>();
  /** Index of the next event for live subscribers. */
  #live = 0;
  /** What to send before the next event, to whoever was there. One who comes later has a later position. */
  #toAll: { readonly bytes: Prepared; readonly to: readonly Subscribed[] } | undefined;
  readonly #work = new Sliced(() => this.#send());
  readonly #heartbeat: Heartbeat;
  subscribers = 0;
  announced = 0;
  /** Subscribers dropped for reading too slowly. */
  dropped = 0;
  resyncs = 0;

  constructor(options: EventHubOptions) {
    this.#options = options;
    const { coalesceMs = 0, jitterMs = 0, timers = systemTimers, holdsLease = () => true } = options;
    this.#heartbeat = new Heartbeat({ everyMs: options.heartbeatMs, timers, holdsLease }, () => this.#beat());
    this.#refetch = jitterMs > 0 ? { refetchWithinMs: jitterMs } : {};
    this.#coalesced = new Coalesced(coalesceMs, (events) => this.#add(events));
    this.#history = new EventHistory(options.epoch, options.history);
  }

  /** Memory of the held events. */
  get historyBytes(): number {
    return this.#history.bytes;
  }

  /** As `EventHistory.cursor`. */
  get cursor(): string | undefined {
    return this.#history.cursor;
  }

  /** Number of distinct filters with subscribers. */
  get topics(): number {
    return this.#subscriptions.topics.size;
  }

  /**
   * Tells all subscribers to resync because events were missed. The next event comes after all events of the record
   * `seq`: a subscriber that saw only the first of them on another node has missed the others.
   */
  reset(epoch: string, seq: number): void {
    this.#coalesced.clear();
    const { end } = this.#history;
    this.#history = new EventHistory(epoch, this.#options.history, afterRecord(seq), end);
    this.#resyncAll();
    // What has never changed was told to those who ask for it when they began to.
    this.#signalled = this.#signals.all.filter(({ isNews }) => isNews);
    this.#work.restart();
  }

  /** Notes how something stands, and tells those who ask for it. */
  signal(signal: Signal): void {
    this.#signalled.push(this.#signals.set(signal, true));
    this.#work.wake();
  }

  /** As `signal`, of what has not changed: only those are told who begin to ask for it. */
  stands(signal: Signal): void {
    this.#signals.set(signal, false);
  }

  /** @param events events of committed records, in log order */
  announce(events: readonly Event[]): void {
    this.#coalesced.add(events);
  }

  #add(events: readonly Event[]): void {
    const { refetchWithinMs } = this.#refetch;
    for (const event of events) {
      const bounded = boundedEvent(event);
      this.#history.push(refetchWithinMs === undefined ? bounded : { ...bounded, refetchWithinMs });
      this.announced += 1;
    }
    this.#work.wake();
  }

  /** Why clients should subscribe at another node: this one stops, or is cut off from the others. */
  get reasonToLeave(): GatewayError | undefined {
    return this.#heartbeat.reasonToLeave;
  }

  /** @throws GatewayError 503: `reasonToLeave`, or there are as many subscribers as there may be */
  checkRoom(): void {
    if (this.reasonToLeave !== undefined) throw this.reasonToLeave;
    if (this.subscribers < this.#options.maxSubscribers) return;
    throw new GatewayError('overloaded', 'there are too many subscribers');
  }

  /**
   * Starts a subscription.
   * @throws PatternError
   * @throws GatewayError as `checkRoom`
   */
  subscribe(subscription: Subscription, sink: Sink, wire: Wire = eventStream): Subscriber {
    this.checkRoom();
    const { filter, rights, lastEventId, client } = subscription;
    const topic = this.#subscriptions.topicOf(filter, rights);
    const found = lastEventId === undefined ? this.#history.end : this.#after(lastEventId);
    const { end, lastId } = this.#history;
    const from = found === 'gap' ? end : found;
    const cancelExpiry = onExpiry(rights, { clock: systemClock, timers: systemTimers }, () => {
      this.#remove(subscribed);
      sink.end('expired');
    });
    const state = { replaying: false, isBlocked: false, pending: undefined, open: true };
    const subscribed: Subscribed = { topic, rights, sink, wire, client, from, next: from, ...state, cancelExpiry };
    this.#subscriptions.join(subscribed);
    this.subscribers += 1;
    this.#heartbeat.start();
    sink.write(wire.opening);
    if (found === 'gap') {
      this.resyncs += 1;
      sink.write(wire.resync(lastId, this.#refetch));
    }
    if (from === end) {
      sink.write(wire.position(lastId));
    } else {
      subscribed.pending = { missed: [], confirms: [wire.position] };
      this.#replay(subscribed);
    }
    this.#tell(subscribed, this.#signals.for(topic));
    return {
      get from() {
        return subscribed.from;
      },
      send: (bytes) => this.#write(subscribed, bytes),
      change: (change) => this.#change(subscribed, change),
      unsubscribe: () => this.#remove(subscribed),
    };
  }

  /** Ends every stream. Its clients do not all come back at once. */
  close(): void {
    this.#heartbeat.end();
    this.#coalesced.flush();
    this.#work.stop();
    this.#endAll('draining');
  }

  #endAll(why: 'draining' | 'away'): void {
    const { subscribers } = this;
    for (const subscribed of this.#subscriptions.all()) {
      this.#remove(subscribed);
      subscribed.sink.write(subscribed.wire.retry(spreadRetryMs(subscribers)));
      subscribed.sink.end(why);
    }
  }

  #change(subscribed: Subscribed, { filter, missed, confirm }: Change): number {
    const topic = this.#subscriptions.topicOf(filter, subscribed.rights);
    // A live subscriber has been sent what it selected before `#live`, and that event perhaps.
    if (!subscribed.replaying) subscribed.next = Math.max(subscribed.next, this.#live);
    if (!subscribed.open) return subscribed.next;
    const signals = this.#signals.for(topic, subscribed.topic);
    this.#subscriptions.leave(subscribed);
    subscribed.topic = topic;
    this.#subscriptions.join(subscribed);
    this.#tell(subscribed, signals);
    subscribed.pending ??= { missed: [], confirms: [] };
    if (subscribed.pending.confirms.length >= MAX_PENDING_CHANGES) {
      this.#drop(subscribed);
      return subscribed.next;
    }
    subscribed.pending.confirms.push(confirm);
    const { next: until } = subscribed;
    const found = missed === undefined ? until : this.#after(missed.lastEventId);
    if (missed !== undefined && (found === 'gap' || found < until)) {
      subscribed.pending.missed.push({ ...missed, next: found === 'gap' ? NEVER_HELD : found, until });
    }
    this.#replay(subscribed);
    return found === 'gap' ? until : Math.min(found, until);
  }

  /** As `EventHistory.after`. The subscriber may have seen elsewhere what waits here for the end of its window. */
  #after(lastEventId: string): number | 'gap' {
    const found = this.#history.after(lastEventId);
    if (found !== 'gap') return found;
    this.#coalesced.flush();
    return this.#history.after(lastEventId);
  }

  /** Sends everything that is pending. One step of work between two `yield`s. */
  *#send(): Generator<unknown> {
    for (;;) {
      const toAll = this.#toAll;
      const [waiting] = this.#replaying;
      const signal = this.#signalled.shift();
      if (signal !== undefined) yield* this.#sendSignal(signal);
      if (toAll !== undefined) {
        this.#toAll = undefined;
        for (const subscribed of toAll.to) {
          this.#write(subscribed, toAll.bytes.of(subscribed.wire));
          yield;
        }
      } else if (this.#live < this.#history.end) {
        yield* this.#sendNext();
      } else if (waiting === undefined && this.#signalled.length === 0) {
        return;
      }
      if (waiting !== undefined) yield* this.#replaySome(waiting);
      yield;
    }
  }

  *#sendSignal(signal: Told): Generator<unknown> {
    for (const subscribed of this.#subscriptions.all()) {
      if (subscribed.topic?.showsTag(signal.tag) === true) this.#tell(subscribed, [signal]);
      yield;
    }
  }

  #tell(subscribed: Subscribed, signals: readonly Told[]): void {
    for (const { bytes } of signals) this.#write(subscribed, bytes.of(subscribed.wire));
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
    for (const topic of this.#subscriptions.topics.matching(event)) {
      const bytes = topic && frames.for(topic);
      yield;
      if (topic === undefined || bytes === undefined) continue;
      for (const subscribed of this.#subscriptions.of(topic)) {
        if (!subscribed.replaying && subscribed.next <= index) {
          subscribed.next = index + 1;
          if (!isEcho(event, subscribed)) this.#write(subscribed, bytes.of(subscribed.wire));
        }
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
    const to = this.#subscriptions.all();
    for (const subscribed of to) {
      skipTo(subscribed, end);
      subscribed.replaying = false;
      // Ahead of the id that it can resume from: if its stream ends before all are told, it has missed nothing then.
      if (subscribed.pending !== undefined) this.#write(subscribed, subscribed.wire.resync(lastId, this.#refetch));
      this.#confirm(subscribed, lastId);
    }
    this.resyncs += this.subscribers;
    this.#toAll = { bytes: new Prepared((wire) => wire.resync(lastId, this.#refetch)), to };
  }

  #confirm(subscribed: Subscribed, id: string): void {
    const confirms = subscribed.pending?.confirms ?? [];
    subscribed.pending = undefined;
    for (const confirm of confirms) this.#write(subscribed, confirm(id));
  }

  #replay(subscribed: Subscribed): void {
    subscribed.replaying = true;
    if (subscribed.isBlocked) return;
    this.#replaying.add(subscribed);
    this.#work.wake();
  }

  /** Sends some of the events that a subscriber missed. It becomes live when it has them all; a slow one is awaited. */
  *#replaySome(subscribed: Subscribed): Generator<unknown> {
    // Moves it to the end of the queue.
    this.#replaying.delete(subscribed);
    const history = this.#history;
    const { frames, resyncs } = yield* gathered(subscribed, history, this.#refetch);
    this.resyncs += resyncs;
    if (!subscribed.open || !subscribed.replaying) return;
    const isLive = subscribed.next >= history.end && (subscribed.pending?.missed.length ?? 0) === 0;
    const { sink } = subscribed;
    let ready = true;
    sink.cork();
    for (const frame of frames) ready = sink.write(frame);
    // The id after the replay lets it resume without checking the events that did not match.
    if (isLive) this.#confirm(subscribed, history.lastId);
    sink.uncork();
    if (isLive) subscribed.replaying = false;
    else if (ready) this.#replaying.add(subscribed);
    else this.#replayLater(subscribed);
  }

  #replayLater(subscribed: Subscribed): void {
    subscribed.isBlocked = true;
    subscribed.sink.once('drain', () => {
      subscribed.isBlocked = false;
      if (subscribed.open && subscribed.replaying) this.#replay(subscribed);
    });
  }

  #write(subscribed: Subscribed, bytes: Buffer): void {
    const { sink, open } = subscribed;
    if (!open) return;
    if (sink.writableLength > MAX_UNSENT_BYTES) this.#drop(subscribed);
    else sink.write(bytes);
  }

  #drop(subscribed: Subscribed): void {
    this.dropped += 1;
    this.#remove(subscribed);
    subscribed.sink.end('slow');
  }

  #remove(subscribed: Subscribed): void {
    if (!this.#subscriptions.leave(subscribed)) return;
    subscribed.open = false;
    subscribed.cancelExpiry();
    this.#replaying.delete(subscribed);
    this.subscribers -= 1;
    if (this.subscribers === 0) this.#heartbeat.stop();
  }

  #beat(): void {
    // Its clients reconnect: to another node, which sends what they have missed, or to this one once it is back.
    if (this.#heartbeat.isCutOff) this.#endAll('away');
    for (const subscribed of this.#subscriptions.all()) {
      if (subscribed.sink.isSilent !== true) continue;
      this.#remove(subscribed);
      subscribed.sink.end('silent');
    }
    this.#toAll ??= { bytes: new Prepared((wire) => wire.heartbeat), to: this.#subscriptions.all() };
    this.#work.wake();
  }
}
