import type { ServerResponse } from 'node:http';
import { GatewayError } from '../errors.ts';
import type { EventHub, Subscription } from './hub.ts';
import type { Ending, Sink } from './sink.ts';

const fields = { 'Content-Type': 'text/event-stream', 'Cache-Control': 'no-store', 'X-Accel-Buffering': 'no' };

/**
 * Serves a subscription as an event stream (WHATWG HTML §9.2). It ends when the client disconnects or reads too
 * slowly, its rights expire, or the hub closes.
 * @throws GatewayError 503 if there are too many subscribers; nothing has been sent then
 */
export function serveEvents(hub: EventHub, subscription: Subscription, response: ServerResponse): void {
  for (const [name, value] of Object.entries(fields)) response.setHeader(name, value);
  // Delimited by closing the connection: without chunked framing, all subscribers get the same bytes.
  response.useChunkedEncodingByDefault = false;
  response.shouldKeepAlive = false;
  const subscriber = hub.subscribe(subscription, new ResponseSink(response));
  if (subscriber === 'full') {
    for (const name of Object.keys(fields)) response.removeHeader(name);
    throw new GatewayError('overloaded', 'there are too many subscribers');
  }
  response.on('close', () => subscriber.unsubscribe());
}

class ResponseSink implements Sink {
  readonly #response: ServerResponse;

  constructor(response: ServerResponse) {
    this.#response = response;
  }

  get writableLength(): number {
    return this.#response.writableLength;
  }

  write(bytes: Buffer): boolean {
    return this.#response.write(bytes);
  }

  once(event: 'drain', listener: () => void): void {
    this.#response.once(event, listener);
  }

  cork(): void {
    this.#response.cork();
  }

  uncork(): void {
    this.#response.uncork();
  }

  end(why: Ending): void {
    if (why === 'draining' || why === 'expired') this.#response.end();
    else this.#response.destroy();
  }
}
