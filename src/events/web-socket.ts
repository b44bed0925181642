import { systemClock } from '../clock.ts';
import { GatewayError } from '../errors.ts';
import { type ClientMessage, MessageError, parseClientMessage } from './client-message.ts';
import type { Filter } from './filter.ts';
import { FilterSet } from './filter-set.ts';
import type { EventHub } from './hub.ts';
import type { Sink } from './sink.ts';
import type { Subscriber, Subscription } from './subscription.ts';
import { messageFrame, pongFrame, type ServerMessage, webSocketWire } from './web-socket-frame.ts';

/** The subscription that the URL asks for has this name. */
const URL_REF = 'url';

/** How many messages and pings a client may send at once, and how many each second after that. Each is answered. */
const MAX_BURST = 100;
const MESSAGES_PER_SECOND = 20;

/** Why a connection ends, as its close frame says (RFC 6455 §7.4.1). */
export const closing = {
  draining: { code: 1012, reason: 'the gateway is stopping' },
  away: { code: 1012, reason: 'this node is cut off from the others' },
  slow: { code: 1013, reason: 'too slow: resume from the last id' },
  expired: { code: 4401, reason: 'the token has expired' },
  binary: { code: 1003, reason: 'messages are JSON texts' },
  tooMany: { code: 1008, reason: 'too many messages' },
} as const;

export interface Closing {
  readonly code: number;
  readonly reason: string;
}

/** A connection as its owner made it. */
export interface SocketSink extends Sink {
  close(closing: Closing): void;
}

/** One WebSocket: its subscriptions, and what its client says. */
export class EventSocket {
  readonly #sink: SocketSink;
  readonly #subscription: Subscription;
  readonly #subscriber: Subscriber;
  readonly #filters: FilterSet;
  #isOpen = true;
  #allowance = MAX_BURST;
  #countedAt = systemClock.monotonic();

  /** @throws GatewayError 503 if there are too many subscribers */
  constructor(hub: EventHub, subscription: Subscription, sink: SocketSink) {
    this.#sink = sink;
    this.#subscription = subscription;
    this.#filters = new FilterSet(subscription.rights);
    this.#subscriber = hub.subscribe(subscription, sink, webSocketWire);
    const { filter } = subscription;
    if (filter !== undefined) this.#filters.set(URL_REF, filter, this.#subscriber.from);
  }

  /** Ends the subscriptions. Further messages are ignored. */
  end(): void {
    this.#isOpen = false;
    this.#subscriber.unsubscribe();
  }

  /**
   * A ping frame. The answer is not left to the library, which would hold any number for a client that reads nothing.
   */
  ping(payload: Buffer): void {
    if (this.#mayAnswer()) this.#subscriber.send(pongFrame(payload));
  }

  receive(data: Buffer, isBinary: boolean): void {
    if (isBinary) this.#close(closing.binary);
    else if (this.#mayAnswer()) this.#answer(data.toString());
  }

  #answer(text: string): void {
    let message: ClientMessage | undefined;
    try {
      message = parseClientMessage(text);
      if (message.type === 'ping') this.#send({ type: 'pong' });
      else if (message.type === 'subscribe') this.#subscribe(message);
      else this.#unsubscribe(message.ref);
    } catch (error) {
      if (!(error instanceof GatewayError)) throw error;
      const ref = error instanceof MessageError ? error.ref : message !== undefined && 'ref' in message && message.ref;
      // As the type of the problem that an HTTP request would get.
      const code = error.type.slice(error.type.lastIndexOf(':') + 1);
      this.#send({ type: 'error', code, detail: error.message, ...(ref && { ref }) });
    }
  }

  #subscribe({ ref, filter, lastEventId }: ClientMessage & { readonly type: 'subscribe' }): void {
    if (!this.#subscription.rights.allows(filter)) {
      throw new GatewayError('notAllowed', 'it allows nothing of what is asked');
    }
    const union = this.#filters.unionWith(ref, filter);
    this.#filters.sentFrom(this.#subscriber.from);
    const frames = this.#filters.missedBy(ref, filter);
    const from = this.#subscriber.change({
      filter: union,
      ...(lastEventId !== undefined && { missed: { lastEventId, frames, resync: (id) => resyncOf(ref, id) } }),
      confirm: (id) => messageFrame({ type: 'subscribed', ref, id }),
    });
    this.#filters.set(ref, filter, from);
  }

  #unsubscribe(ref: string): void {
    if (!this.#filters.has(ref)) throw new GatewayError('badRequest', 'there is no subscription with this ref');
    const filter: Filter | undefined = this.#filters.unionWithout(ref);
    this.#filters.delete(ref);
    this.#subscriber.change({ filter, confirm: (id) => messageFrame({ type: 'unsubscribed', ref, id }) });
  }

  #send(message: ServerMessage): void {
    this.#subscriber.send(messageFrame(message));
  }

  /** Counts a message. False if there were too many, which ends the connection. */
  #mayAnswer(): boolean {
    if (!this.#isOpen) return false;
    const now = systemClock.monotonic();
    const earned = ((now - this.#countedAt) / 1_000) * MESSAGES_PER_SECOND;
    this.#countedAt = now;
    this.#allowance = Math.min(MAX_BURST, this.#allowance + earned) - 1;
    if (this.#allowance >= 0) return true;
    this.#close(closing.tooMany);
    return false;
  }

  #close(why: Closing): void {
    if (this.#isOpen) this.#sink.close(why);
    this.end();
  }
}

function resyncOf(ref: string, id: string): Buffer {
  return messageFrame({ type: 'resync', id, data: {}, ref });
}
