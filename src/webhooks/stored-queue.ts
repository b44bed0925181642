import type { Event } from '../events/event.ts';
import type { Order } from './deliveries.ts';
import { type Message, messageOf, resyncAt } from './message.ts';
import type { DeadLetter, Queue } from './queue.ts';

/** Changes with what is stored. Another version's queue is not understood. */
const VERSION = 1;

export function encodeQueue(queue: Queue): string {
  return JSON.stringify({ version: VERSION, ...queue });
}

/** Undefined if it is not understood: then the endpoint is told to resync, as if nothing had been stored. */
export function decodeQueue(text: string | undefined): Queue | undefined {
  try {
    return queueOf(JSON.parse(text ?? 'null'));
  } catch {
    return undefined;
  }
}

/** Undefined if it is not understood: nothing is done about what another version has left. */
export function decodeOrder(text: string): Order | undefined {
  try {
    const order: unknown = JSON.parse(text);
    if (!isObject(order)) return undefined;
    if (order.kind === 'enable') return { kind: 'enable' };
    if (order.kind !== 'redeliver' || !['undefined', 'string'].includes(typeof order.id)) return undefined;
    return { kind: 'redeliver', id: order.id as string | undefined };
  } catch {
    return undefined;
  }
}

function queueOf(value: unknown): Queue | undefined {
  if (!isObject(value) || value.version !== VERSION) return undefined;
  const { disabled, position, waiting, attempts, failure, dueAt, dead } = value;
  if (
    typeof disabled !== 'boolean' ||
    typeof position !== 'string' ||
    (failure !== null && typeof failure !== 'string')
  )
    return undefined;
  if (!isCount(attempts) || !isCount(dueAt) || !Array.isArray(waiting) || !Array.isArray(dead)) return undefined;
  const messages = waiting.map(messageIn);
  const letters = dead.map(letterIn);
  if (messages.includes(undefined) || letters.includes(undefined)) return undefined;
  return {
    ...{ disabled, position, attempts, failure, dueAt },
    waiting: messages as Message[],
    dead: letters as DeadLetter[],
  };
}

function letterIn(value: unknown): DeadLetter | undefined {
  if (!isObject(value)) return undefined;
  const { failedAt, reason } = value;
  const message = messageIn(value.message);
  if (message === undefined || typeof failedAt !== 'string' || typeof reason !== 'string') return undefined;
  return { message, failedAt, reason };
}

/** Measured anew: what is bounded by its size must not say itself how large it is. */
function messageIn(value: unknown): Message | undefined {
  if (!isObject(value)) return undefined;
  if (value.kind === 'resync') {
    const { position, at } = value;
    return isHeaderText(position) && typeof at === 'string' ? resyncAt(position, at) : undefined;
  }
  return value.kind === 'event' && isEvent(value.event) ? messageOf(value.event) : undefined;
}

function isEvent(value: unknown): value is Event {
  if (!isObject(value) || !isObject(value.cause)) return false;
  const { id, type, paths, tags, at } = value;
  return isHeaderText(id) && typeof type === 'string' && typeof at === 'string' && isTexts(paths) && isTexts(tags);
}

/** It becomes the value of a header field. */
const isHeaderText = (value: unknown): value is string => typeof value === 'string' && /^[\w.-]+$/.test(value);
const isTexts = (value: unknown): boolean => Array.isArray(value) && value.every((each) => typeof each === 'string');
const isCount = (value: unknown): value is number => typeof value === 'number' && value >= 0;
const isObject = (value: unknown): value is Record<string, unknown> =>
  typeof value === 'object' && value !== null && !Array.isArray(value);
