import type { IncomingMessage } from 'node:http';
import { GatewayError } from '../errors.ts';
import type { ClientRequest } from '../exchange/ports.ts';

/** The canonical request behind a Node message, for those who get it from Fastify. */
const accepted = new WeakMap<IncomingMessage, ClientRequest>();

/** Undefined for a message that came past the front: an upgrade, which Node announces by another event. */
export function knownRequest(message: IncomingMessage): ClientRequest | undefined {
  return accepted.get(message);
}

export function acceptedRequest(message: IncomingMessage): ClientRequest {
  const request = accepted.get(message);
  if (request === undefined) throw new GatewayError('internal', 'a request came past the front');
  return request;
}

/** Notes what a message was found to be. */
export function noteAccepted(message: IncomingMessage, request: ClientRequest): void {
  accepted.set(message, request);
}
