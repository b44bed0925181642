import type { ServerResponse } from 'node:http';
import type { Duplex } from 'node:stream';
import { GatewayError } from '../errors.ts';
import { Direct } from './direct.ts';
import type { EventHub } from './hub.ts';
import type { Ending, Sink } from './sink.ts';
import type { Subscription } from './subscription.ts';

const fields = { 'Content-Type': 'text/event-stream', 'Cache-Control': 'no-store', 'X-Accel-Buffering': 'no' };

/**
 * Serves a subscription as an event stream (WHATWG HTML §9.2). It ends when the client disconnects or reads too
 * slowly, its rights expire, or the hub closes.
 * @param connection what the socket of the response writes to, if that is not the connection itself
 * @throws GatewayError 503 if there are too many subscribers; nothing has been sent then
 */
export function serveEvents(
  hub: EventHub,
  subscription: Subscription,
  response: ServerResponse,
  connection?: Duplex,
): void {
  for (const [name, value] of Object.entries(fields)) response.setHeader(name, value);
  // Delimited by closing the connection: without chunked framing, all subscribers get the same bytes.
  response.useChunkedEncodingByDefault = false;
  response.shouldKeepAlive = false;
  const subscriber = hub.subscribe(subscription, new ResponseSink(response, connection));
  if (subscriber === 'full') {
    for (const name of Object.keys(fields)) response.removeHeader(name);
    throw new GatewayError('overloaded', 'there are too many subscribers');
  }
  response.on('close', () => subscriber.unsubscribe());
}

class ResponseSink implements Sink {
  readonly #response: ServerResponse;
  readonly #direct: Direct | undefined;

  constructor(response: ServerResponse, connection: Duplex | undefined) {
    this.#response = response;
    const { socket } = response;
    this.#direct = socket === null ? undefined : new Direct(socket, connection ?? socket);
  }

  get writableLength(): number {
    return (this.#direct ?? this.#response).writableLength;
  }

  /** The first write brings the head. What follows has no framing of its own. */
  write(bytes: Buffer): boolean {
    const { headersSent } = this.#response;
    return (headersSent ? this.#written : this.#response).write(bytes);
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
