import type { IncomingMessage, ServerResponse } from 'node:http';
import { GatewayError } from '../errors.ts';
import { PatternError } from '../route/pattern.ts';
import type { EventHub } from './hub.ts';
import type { Filter } from './topic.ts';

/** Limits on the parameters of one subscription: a filter is matched against every event. */
const MAX_FILTERS = 64;
const MAX_FILTER_LENGTH = 1_024;

/**
 * Serves `GET /_unstale/events?match=/steps/:id&tag=step:7` as an event stream (WHATWG HTML §9.2). It ends when the
 * client disconnects or reads too slowly, or the hub closes.
 * @throws GatewayError 400 for an invalid filter, 503 if there are too many subscribers; nothing has been sent then
 */
export function serveEvents(hub: EventHub, request: IncomingMessage, response: ServerResponse): void {
  const query = new URL(request.url ?? '/', 'http://gateway').searchParams;
  const filter = filterOf(query);
  // When a browser reconnects, it sends the header and the unchanged URL. The header has the newer id.
  const lastEventId = header(request) ?? query.get('lastEventId') ?? undefined;
  response.setHeader('Content-Type', 'text/event-stream');
  response.setHeader('Cache-Control', 'no-store');
  response.setHeader('X-Accel-Buffering', 'no');
  // Delimited by closing the connection: without chunked framing, all subscribers get the same bytes.
  response.useChunkedEncodingByDefault = false;
  response.shouldKeepAlive = false;
  try {
    const subscriber = hub.subscribe(filter, response, lastEventId);
    if (subscriber === 'full') throw new GatewayError('overloaded', 'there are too many subscribers');
    response.on('close', () => subscriber.unsubscribe());
  } catch (error) {
    for (const name of response.getHeaderNames()) response.removeHeader(name);
    if (!(error instanceof PatternError)) throw error;
    throw new GatewayError('badRequest', `match: ${error.message}; ${error.hint}`);
  }
}

function filterOf(query: URLSearchParams): Filter {
  const [match, tags] = [query.getAll('match'), query.getAll('tag')];
  if (match.length + tags.length > MAX_FILTERS) {
    throw new GatewayError('badRequest', `more than ${MAX_FILTERS} match and tag parameters`);
  }
  if ([...match, ...tags].some((value) => value.length > MAX_FILTER_LENGTH)) {
    throw new GatewayError('badRequest', `a parameter of more than ${MAX_FILTER_LENGTH} characters`);
  }
  return { match, tags };
}

function header(request: IncomingMessage): string | undefined {
  const value = request.headers['last-event-id'];
  return Array.isArray(value) ? value[0] : value;
}
