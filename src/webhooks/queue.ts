import { hasPayload, idOf, type Message, resyncAt } from './message.ts';
import { LONGEST_ASKED_MS, LONGEST_PAUSE_MS, pauseAfter } from './schedule.ts';
import { sizeOf, withCoalesced, withoutFirst } from './waiting.ts';

/** What may wait for one endpoint. Beyond either it is told to resync: one that is down must not fill memory. */
export const MAX_WAITING = 1_000;
export const MAX_WAITING_SIZE = 1024 * 1024;
/** Messages that no attempt has delivered, kept for an operator. Beyond either, the oldest are forgotten. */
export const MAX_DEAD = 100;
export const MAX_DEAD_SIZE = 256 * 1024;

/** A message that no attempt has delivered. */
export interface DeadLetter {
  readonly message: Message;
  /** ISO 8601: the last attempt. */
  readonly failedAt: string;
  readonly reason: string;
}

/** What waits for one endpoint, and how its delivery stands. Plain data: it is stored as JSON. */
export interface Queue {
  /** The endpoint has answered 410. It is sent nothing, and nothing waits. */
  readonly disabled: boolean;
  /** The id of the last event that was looked at, sent or not. */
  readonly position: string;
  /** In the order of the ids, but for those that are delivered again. */
  readonly waiting: readonly Message[];
  /** Of the first message, with one under way. Once there is any, the message stays as it is. */
  readonly attempts: number;
  /** Why the last attempt has failed. Null: it has not, or there was none. */
  readonly failure: string | null;
  /** When the first message may be sent, on the wall clock: another process may be the one that sends it. */
  readonly dueAt: number;
  /** The oldest first. */
  readonly dead: readonly DeadLetter[];
}

/** What came of an attempt. `gone`: the endpoint wants no more (410). */
export type Outcome =
  | { readonly kind: 'delivered' }
  | { readonly kind: 'gone' }
  /** `retryAfterMs`: before that, the receiver wants no further attempt. */
  | { readonly kind: 'failed'; readonly reason: string; readonly retryAfterMs?: number };

export type QueueStep =
  /** Events to send, and the id of the last one that was looked at. */
  | { readonly kind: 'take'; readonly messages: readonly Message[]; readonly position: string; readonly now: number }
  /** Events up to `position` may have been missed. */
  | { readonly kind: 'miss'; readonly position: string; readonly now: number }
  /** The first message is being sent. */
  | { readonly kind: 'begin' }
  | { readonly kind: 'end'; readonly outcome: Outcome; readonly now: number; readonly random: number }
  /** The attempt was broken off by the sender: it does not count. */
  | { readonly kind: 'interrupt' }
  /** An operator has the endpoint sent to again, or at once. */
  | { readonly kind: 'enable'; readonly now: number }
  /** An operator has dead letters delivered again: all, or the one with this id. */
  | { readonly kind: 'redeliver'; readonly id: string | undefined; readonly now: number };

/** What an operator is told of a step. */
export type Change = 'failing' | 'recovered' | 'dead' | 'disabled' | 'enabled' | 'overflowed' | 'missed';

export interface Stepped {
  readonly queue: Queue;
  readonly changes: readonly Change[];
}

/**
 * A queue whose past is not known: the endpoint is told to resync first. What waited before a restart may be lost, and
 * a new endpoint has nothing.
 */
export function newQueue(position: string, now: number): Queue {
  const waiting = [resyncAt(position, timestamp(now))];
  return { disabled: false, position, waiting, attempts: 0, failure: null, dueAt: now, dead: [] };
}

/** A stored queue, as it is taken over. An attempt under way may have delivered its message; it is made again. */
export function resumed(queue: Queue, now: number): Queue {
  return { ...queue, dueAt: Math.min(queue.dueAt, now + LONGEST_PAUSE_MS) };
}

export function step(queue: Queue, action: QueueStep): Stepped {
  switch (action.kind) {
    case 'take':
      return take(queue, action);
    case 'miss':
      return miss(queue, action);
    case 'begin':
      return unchanged({ ...queue, attempts: queue.attempts + 1 });
    case 'interrupt':
      return unchanged({ ...queue, attempts: Math.max(0, queue.attempts - 1) });
    case 'end':
      return end(queue, action);
    case 'enable':
      return enable(queue, action);
    case 'redeliver':
      return redeliver(queue, action);
  }
}

type Of<Kind extends QueueStep['kind']> = Extract<QueueStep, { kind: Kind }>;

const unchanged = (queue: Queue): Stepped => ({ queue, changes: [] });
const timestamp = (now: number): string => new Date(now).toISOString();

function take(queue: Queue, { messages, position, now }: Of<'take'>): Stepped {
  if (queue.disabled || messages.length === 0) return unchanged({ ...queue, position });
  // A message that was sent keeps its id and its content: the receiver may have got it.
  const fixed = queue.attempts > 0 ? queue.waiting[0] : undefined;
  return bounded({ ...queue, position, waiting: withCoalesced(queue.waiting, messages, fixed) }, now);
}

/** Too much becomes one resync, behind a message under way. */
function bounded(queue: Queue, now: number): Stepped {
  if (queue.waiting.length <= MAX_WAITING && sizeOf(queue.waiting) <= MAX_WAITING_SIZE) return unchanged(queue);
  return { queue: { ...queue, waiting: withResync(queue, now, []) }, changes: ['overflowed'] };
}

/** A resync stands for what waits, but for what is kept. */
function withResync({ waiting, attempts, position }: Queue, now: number, kept: readonly Message[]): readonly Message[] {
  const [first] = waiting;
  const resync = resyncAt(position, timestamp(now));
  return attempts > 0 && first !== undefined
    ? [first, ...kept.filter((each) => each !== first), resync]
    : [...kept, resync];
}

/** Messages with a payload stay, and go first: nobody could fetch a payload again. */
function miss(queue: Queue, { position, now }: Of<'miss'>): Stepped {
  const missed = { ...queue, position };
  if (queue.disabled) return unchanged(missed);
  const waiting = withResync(missed, now, queue.waiting.filter(hasPayload));
  const { queue: within, changes } = bounded({ ...missed, waiting }, now);
  return { queue: within, changes: ['missed', ...changes] };
}

function end(queue: Queue, { outcome, now, random }: Of<'end'>): Stepped {
  switch (outcome.kind) {
    case 'delivered':
      return {
        queue: { ...afterFirst(queue, now), failure: null },
        changes: queue.failure === null ? [] : ['recovered'],
      };
    case 'gone': {
      const gone = { ...queue, attempts: 0, dueAt: now, failure: null };
      return { queue: { ...gone, waiting: [], disabled: true }, changes: ['disabled'] };
    }
    case 'failed': {
      const pause = pauseAfter(queue.attempts, random);
      const { reason: failure, retryAfterMs = 0 } = outcome;
      const changes: Change[] = queue.failure === null ? ['failing'] : [];
      if (pause !== undefined) {
        const waits = Math.max(pause, Math.min(retryAfterMs, LONGEST_ASKED_MS));
        return { queue: { ...queue, failure, dueAt: now + waits }, changes };
      }
      const [message] = queue.waiting;
      const letter = message && { message, failedAt: timestamp(now), reason: failure };
      const dead = keptLetters([...queue.dead, ...(letter === undefined ? [] : [letter])]);
      return { queue: { ...afterFirst(queue, now), failure, dead }, changes: [...changes, 'dead'] };
    }
  }
}

const afterFirst = (queue: Queue, now: number): Queue => ({
  ...queue,
  ...{ waiting: withoutFirst(queue.waiting), attempts: 0, dueAt: now },
});

function keptLetters(dead: readonly DeadLetter[]): readonly DeadLetter[] {
  let kept = dead;
  const isTooMuch = (): boolean =>
    kept.length > MAX_DEAD || kept.reduce((sum, { message }) => sum + message.size, 0) > MAX_DEAD_SIZE;
  while (kept.length > 1 && isTooMuch()) kept = kept.slice(1);
  return kept;
}

/** What happened while it was disabled was not kept, so it resyncs. One that is not is tried at once. */
function enable(queue: Queue, { now }: Of<'enable'>): Stepped {
  const enabled = { ...queue, dueAt: now };
  if (!queue.disabled) return unchanged(enabled);
  return {
    queue: { ...enabled, disabled: false, waiting: [resyncAt(queue.position, timestamp(now))] },
    changes: ['enabled'],
  };
}

/** They are older than what waits, so they go before it, with attempts of their own. */
function redeliver(queue: Queue, { id, now }: Of<'redeliver'>): Stepped {
  const isAsked = ({ message }: DeadLetter): boolean => id === undefined || idOf(message) === id;
  const asked = queue.disabled ? [] : queue.dead.filter(isAsked).map(({ message }) => message);
  if (asked.length === 0) return unchanged(queue);
  const fixed = queue.attempts > 0 ? 1 : 0;
  const waiting = [...queue.waiting.slice(0, fixed), ...asked, ...queue.waiting.slice(fixed)];
  return bounded({ ...queue, dueAt: now, waiting, dead: queue.dead.filter((letter) => !isAsked(letter)) }, now);
}
