import type { ServerResponse } from 'node:http';
import { GatewayError } from '../errors.ts';
import type { EventHub, Subscription } from './hub.ts';

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
  const subscriber = hub.subscribe(subscription, response);
  if (subscriber === 'full') {
    for (const name of Object.keys(fields)) response.removeHeader(name);
    throw new GatewayError('overloaded', 'there are too many subscribers');
  }
  response.on('close', () => subscriber.unsubscribe());
}
