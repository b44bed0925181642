import { FramesOf } from './frames-of.ts';
import type { HeldEvent } from './held-event.ts';
import type { EventHistory } from './history.ts';
import type { Rights } from './rights.ts';
import type { Sink } from './sink.ts';
import type { Topic } from './topic.ts';
import { TopicIndex } from './topic-index.ts';
import type { Prepared, Refetch, Wire } from './wire.ts';

/** How many held events are checked, and bytes sent, for one resuming subscriber before the next has its turn. */
const REPLAY_EVENTS = 64;
const REPLAY_BYTES = 64 * 1024;

/** An index of no event. One that begins there has missed events that are no longer held, and gets none of them. */
export const NEVER_HELD = -1;

/** A subscriber as the hub knows it. */
export interface Subscribed {
  /** Undefined: it is sent no events. */
  topic: Topic | undefined;
  readonly rights: Rights;
  readonly sink: Sink;
  readonly wire: Wire;
  readonly client: string | undefined;
  /** As `Subscriber.from`. */
  from: number;
  /** Index of the next event to send. Those between `from` and it have been sent. */
  next: number;
  /** It is receiving events out of the history. New events follow after them. */
  replaying: boolean;
  /** It is sent no more of them before its sink has drained. */
  isBlocked: boolean;
  /** Only while it is replaying. */
  pending: Pending | undefined;
  open: boolean;
  /** Cancels the timer that ends it when its rights expire. */
  readonly cancelExpiry: () => void;
}

/** Skips the events before `index` that were not sent. The caller tells the subscriber to resync. */
export function skipTo(subscribed: Subscribed, index: number): void {
  subscribed.from = index;
  subscribed.next = index;
}

/** Whether the subscriber's own write caused the event. */
export function isEcho({ client }: HeldEvent, subscribed: Subscribed): boolean {
  return client !== undefined && client === subscribed.client;
}

/** What a subscriber is sent in addition to the events from `next` on. */
interface Pending {
  /** Sent first, in this order. */
  missed: Missed[];
  /** Written when it is live again. */
  readonly confirms: ((id: string) => Buffer)[];
}

/** Events before the position of a subscriber that it is sent because its filter has changed. */
export interface Missed {
  next: number;
  readonly until: number;
  /** Undefined for an event that it is not sent, or was sent already. */
  readonly frames: (event: HeldEvent, index: number) => Prepared | undefined;
  /** Says that some of them are no longer held. */
  readonly resync: (id: string) => Buffer;
}

interface Gathered {
  readonly frames: Buffer[];
  bytes: number;
  looked: number;
  resyncs: number;
}

/**
 * Takes some of the events that a subscriber is to be sent out of the history. One step of work between two `yield`s.
 */
export function* gathered(
  subscribed: Subscribed,
  history: EventHistory,
  refetch: Refetch,
): Generator<unknown, Gathered> {
  const found: Gathered = { frames: [], bytes: 0, looked: 0, resyncs: 0 };
  const missed = subscribed.pending?.missed ?? [];
  while (hasRoom(found) && missed[0] !== undefined) {
    yield* gatherMissed(missed[0], { subscribed, history, found });
    if (missed[0].next >= missed[0].until) missed.shift();
  }
  if (missed.length === 0) yield* gatherNext({ subscribed, history, found }, refetch);
  return found;
}

interface Gathering {
  readonly subscribed: Subscribed;
  readonly history: EventHistory;
  readonly found: Gathered;
}

function* gatherMissed(missed: Missed, { subscribed, history, found }: Gathering): Generator<unknown> {
  while (missed.next < missed.until && hasRoom(found)) {
    const event = history.at(missed.next);
    if (event === undefined) {
      // What is still held is sent all the same: a subscription that was added later takes it for sent.
      missed.next = missed.next === NEVER_HELD ? missed.until : Math.min(history.first, missed.until);
      resync(found, missed.resync(history.idBefore(missed.next)));
      continue;
    }
    add(found, { subscribed, event, frames: missed.frames(event, missed.next) });
    found.looked += 1;
    missed.next += 1;
    yield;
  }
}

function* gatherNext({ subscribed, history, found }: Gathering, refetch: Refetch): Generator<unknown> {
  const { topic, wire } = subscribed;
  if (topic === undefined) subscribed.next = history.end;
  const own = new TopicIndex();
  if (topic !== undefined) own.add(topic);
  while (subscribed.next < history.end && hasRoom(found)) {
    const event = history.at(subscribed.next);
    if (event === undefined) {
      // It read so slowly that the events it missed have been forgotten.
      skipTo(subscribed, history.end);
      resync(found, wire.resync(history.lastId, refetch));
      return;
    }
    let frames: Prepared | undefined;
    for (const matching of own.matching(event)) {
      if (matching === undefined) yield;
      else frames = new FramesOf(event).for(matching);
    }
    yield;
    // The filter has changed at this position, so the event is for the new one.
    if (subscribed.topic !== topic) return;
    found.looked += 1;
    subscribed.next += 1;
    add(found, { subscribed, event, frames });
  }
}

const hasRoom = ({ looked, bytes }: Gathered): boolean => looked < REPLAY_EVENTS && bytes < REPLAY_BYTES;

interface Adding {
  readonly subscribed: Subscribed;
  readonly event: HeldEvent;
  readonly frames: Prepared | undefined;
}

function add(found: Gathered, { subscribed, event, frames }: Adding): void {
  if (frames === undefined || isEcho(event, subscribed)) return;
  const frame = frames.of(subscribed.wire);
  found.frames.push(frame);
  found.bytes += frame.byteLength;
}

function resync(found: Gathered, frame: Buffer): void {
  found.frames.push(frame);
  found.resyncs += 1;
}
