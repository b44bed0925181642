import type { IncomingMessage } from 'node:http';
import { GatewayError } from '../errors.ts';
import type { ClientRequest } from '../exchange/ports.ts';

/** The checked request of a Node message, for code that gets the message from Fastify or from a socket. */
const accepted = new WeakMap<IncomingMessage, ClientRequest>();

export function acceptedRequest(message: IncomingMessage): ClientRequest {
  const request = accepted.get(message);
  if (request === undefined) throw new GatewayError('internal', 'the front has not checked this request');
  return request;
}

/** Notes the request of a message that has been checked. */
export function noteAccepted(message: IncomingMessage, request: ClientRequest): void {
  accepted.set(message, request);
}

/** Of a message that lasts: nobody asks for its request any more. */
export function forgetAccepted(message: IncomingMessage): void {
  accepted.delete(message);
}
