import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import type { GatewayConfig } from '../config/model.ts';
import { asGatewayError, GatewayError } from '../errors.ts';
import { askedBy } from '../events/asked.ts';
import { eventStream } from '../events/frame.ts';
import type { EventHub } from '../events/hub.ts';
import { mercureStream } from '../events/mercure.ts';
import type { Authority } from '../events/rights.ts';
import { serveEvents } from '../events/sse.ts';
import type { Subscription } from '../events/subscription.ts';
import type { ClientRequest } from '../exchange/ports.ts';
import { acceptedRequest, forgetAccepted } from './accepted.ts';
import { corsFields, preflightFields } from './events-cors.ts';
import { connectionOf } from './http-side.ts';
import { hasBody } from './message.ts';
import { NodeReply } from './node-reply.ts';
import type { PerAddress } from './per-address.ts';
import { pipelineOf } from './pipeline.ts';

export interface EventsRouteOptions {
  readonly config: GatewayConfig;
  readonly hub: EventHub;
  readonly authority: Authority;
  /** Bounds the streams of one address. */
  readonly streams: PerAddress;
}

/** Server-Sent Events. A stream lasts as long as its connection. */
export function registerEvents(app: FastifyInstance, { config, hub, authority, streams }: EventsRouteOptions): void {
  const { cors } = config.events;
  const serve = async ({ raw: message }: FastifyRequest, reply: FastifyReply): Promise<unknown> => {
    const request = acceptedRequest(message);
    // On errors, too: a page that may not read the status could not tell a bad token from a lost connection.
    reply.headers(corsFields(request.headers, cors));
    if (message.method === 'OPTIONS' && cors !== undefined) {
      return reply.code(204).headers(preflightFields(request.headers, cors)).send();
    }
    if (message.method !== 'GET') throw notAllowed(reply);
    const subscription = await subscriptionOf(request, authority);
    // The stream is written to the response itself: Fastify would wait for its end.
    reply.hijack();
    pipelineOf(message.socket)?.beginLast(reply.raw, () => {
      const fields = corsFields(request.headers, cors);
      const release = streams.take(request.client.address);
      try {
        if (release === undefined) throw new GatewayError('tooManyStreams');
        const connection = connectionOf(message.socket);
        const wire = request.target.path === MERCURE_PATH ? mercureStream : eventStream;
        serveEvents(hub, subscription, reply.raw, { ...(cors && { fields }), connection, wire });
        // Not before: a connection on which one request after the other is refused would collect listeners.
        connection.socket.once('close', release);
        forgetAccepted(message);
        // Behind a body that nobody reads, the end of the connection would not be noticed.
        if (hasBody(message)) message.resume();
      } catch (error) {
        release?.();
        for (const [name, value] of Object.entries(fields)) reply.raw.setHeader(name, value);
        new NodeReply(reply.raw).fail(asGatewayError(error));
      }
    });
    return reply;
  };
  for (const url of eventsPaths(config))
    app.route({ ...{ method: ['GET', 'OPTIONS'], url }, ...alone, handler: serve });
}

/** Fastify would answer HEAD as GET. */
const alone = { exposeHeadRoute: false };

/**
 * What has no route is a request for events by another method: the mount has all of them. Fastify could have them here,
 * too, which would take a tenth of the CPU of a start.
 */
export function refuseOtherMethods(app: FastifyInstance, { events: { cors, webSocket } }: GatewayConfig): void {
  app.setNotFoundHandler(({ raw: message }, reply) => {
    const { target, headers } = acceptedRequest(message);
    if (target.path !== webSocket) reply.headers(corsFields(headers, cors));
    throw notAllowed(reply);
  });
}

function notAllowed(reply: FastifyReply): GatewayError {
  reply.header('Allow', 'GET');
  return new GatewayError('methodNotAllowed');
}

/** Where the hub of the Mercure protocol is (draft-dunglas-mercure §3). */
const MERCURE_PATH = '/.well-known/mercure';

/** The paths of the event stream. They hide those of the origin. */
export function eventsPaths({ events }: GatewayConfig): string[] {
  return events.mercure ? [events.path, MERCURE_PATH] : [events.path];
}

/**
 * The subscription that a request asks for, and may have. Also for WebSockets.
 * @throws GatewayError as `Authority.rightsOf`; 400 for bad parameters, 403 if nothing of what it asks may be seen
 */
export async function subscriptionOf(
  request: ClientRequest,
  authority: Authority,
  furtherParameters: readonly string[] = [],
): Promise<Subscription> {
  const query = new URLSearchParams(request.target.query);
  const { headers, scheme, host } = request;
  // First: who has no token learns nothing about what is asked with it.
  const rights = await authority.rightsOf({ headers, scheme, host, query });
  const asked = askedBy(headers, query, furtherParameters);
  if (!rights.allows(asked.filter)) throw new GatewayError('notAllowed', 'it allows nothing of what is asked');
  return { ...asked, rights };
}

/** Where events come over a WebSocket, requests are answered that are no handshake of one. */
export function registerUpgradeRequired(app: FastifyInstance, path: string): void {
  app.get(path, alone, (_request, reply) => {
    // RFC 9110 §15.5.22
    reply.header('Upgrade', 'websocket');
    reply.header('Connection', 'Upgrade');
    throw new GatewayError('upgradeRequired', 'send the handshake of a WebSocket, without a body');
  });
}
