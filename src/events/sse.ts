import type { IncomingMessage, ServerResponse } from 'node:http';
import type { EventHub } from './hub.ts';
export function serveEvents(_hub: EventHub, _request: IncomingMessage, response: ServerResponse): void {
  response.end();
}
