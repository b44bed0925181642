import { boundedEvent } from '../events/bounded.ts';
import type { Event } from '../events/event.ts';

/** What an endpoint is sent: an event, or the word that it has missed some. */
export type Message =
  | { readonly kind: 'event'; readonly event: Event; readonly size: number }
  /** `position`: the id of the last event that it stands for. */
  | { readonly kind: 'resync'; readonly position: string; readonly at: string; readonly size: number };

/** The writer's `client` is told to nobody. */
export function messageOf({ client: _, ...told }: Event): Message {
  const event = boundedEvent(told);
  return { kind: 'event', event, size: JSON.stringify(event).length };
}

/** Says that everything has to be fetched again. @param at ISO 8601 */
export function resyncAt(position: string, at: string): Message {
  return { kind: 'resync', position, at, size: position.length + at.length };
}

/** `webhook-id`: the same in every attempt, so that a receiver recognises what it has had. */
export function idOf(message: Message): string {
  // A receiver may have had the event at this position.
  return message.kind === 'event' ? message.event.id : `${message.position}.resync`;
}

/** A payload is in the message alone; what has none can be fetched again. */
export const hasPayload = (message: Message): boolean =>
  message.kind === 'event' && message.event.payload !== undefined;

/** Messages with equal keys become one while they wait. Undefined: it is always sent. */
export function coalescingKeyOf(message: Message): string | undefined {
  // A payload is more than "this has changed": each may be a message of its own.
  if (message.kind === 'resync' || hasPayload(message)) return undefined;
  return JSON.stringify([message.event.type, message.event.paths]);
}

/** The later of two with the same key, with the tags of both. */
export function coalesced(earlier: Message, later: Message): Message {
  if (earlier.kind === 'resync' || later.kind === 'resync') return later;
  return messageOf({ ...later.event, tags: [...new Set([...earlier.event.tags, ...later.event.tags])] });
}

/** The body, as Standard Webhooks have it. `data` is what the event stream has. */
export function bodyOf(message: Message): string {
  if (message.kind === 'resync') {
    const { position: lastEventId, at: timestamp } = message;
    return JSON.stringify({ type: 'resync', timestamp, data: { lastEventId } });
  }
  const { id: _, type, ...data } = message.event;
  return JSON.stringify({ type, timestamp: data.at, data });
}
