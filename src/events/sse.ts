import type { OutgoingHttpHeaders, ServerResponse } from 'node:http';
import type { Duplex } from 'node:stream';
import { GatewayError } from '../errors.ts';
import { Direct } from './direct.ts';
import type { EventHub } from './hub.ts';
import type { Ending, Sink } from './sink.ts';
import type { Subscription } from './subscription.ts';

const head = { 'Content-Type': 'text/event-stream', 'Cache-Control': 'no-store', 'X-Accel-Buffering': 'no' };

/**
 * Serves a subscription as an event stream (WHATWG HTML §9.2). It ends when the client disconnects or reads too
 * slowly, its rights expire, or the hub closes.
 * @param fields of the response, besides those of every event stream
 * @param connection what the socket of the response writes to, if that is not the connection itself
 * @throws GatewayError 503 if there are too many subscribers; nothing has been sent then
 */
export function serveEvents(
  hub: EventHub,
  subscription: Subscription,
  response: ServerResponse,
  { fields, connection }: { readonly fields?: OutgoingHttpHeaders; readonly connection?: Duplex } = {},
): void {
  // Delimited by closing the connection: without chunked framing, all subscribers get the same bytes.
  response.useChunkedEncodingByDefault = false;
  response.shouldKeepAlive = false;
  const sink = new ResponseSink(response, fields === undefined ? head : { ...head, ...fields }, connection);
  const subscriber = hub.subscribe(subscription, sink);
  if (subscriber === 'full') throw new GatewayError('overloaded', 'there are too many subscribers');
  response.on('close', () => subscriber.unsubscribe());
}

class ResponseSink implements Sink {
  readonly #response: ServerResponse;
  readonly #direct: Direct | undefined;
  /** Given with the status: Node would keep each field that is set before, for as long as the stream. */
  readonly #head: OutgoingHttpHeaders;

  constructor(response: ServerResponse, fields: OutgoingHttpHeaders, connection: Duplex | undefined) {
    this.#response = response;
    this.#head = fields;
    const { socket } = response;
    this.#direct = socket === null ? undefined : new Direct(socket, connection ?? socket);
  }

  get writableLength(): number {
    return (this.#direct ?? this.#response).writableLength;
  }

  /** The first write brings the head. What follows has no framing of its own. */
  write(bytes: Buffer): boolean {
    if (this.#response.headersSent) return this.#written.write(bytes);
    return this.#response.writeHead(200, this.#head).write(bytes);
  }

  once(event: 'drain', listener: () => void): void {
    this.#written.once(event, listener);
  }

  cork(): void {
    this.#written.cork();
  }

  uncork(): void {
    this.#written.uncork();
  }

  end(why: Ending): void {
    if (why === 'draining' || why === 'expired') this.#response.end();
    else this.#response.destroy();
  }

  get #written(): Direct | ServerResponse {
    return this.#direct ?? this.#response;
  }
}
