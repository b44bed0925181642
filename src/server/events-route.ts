import type { FastifyInstance } from 'fastify';
import type { GatewayConfig } from '../config/model.ts';
import { asGatewayError, GatewayError } from '../errors.ts';
import type { EventHub } from '../events/hub.ts';
import { serveEvents } from '../events/sse.ts';
import { acceptedRequest } from './accepted.ts';
import { NodeReply } from './node-reply.ts';
import { PerAddress } from './per-address.ts';
import { pipelineOf } from './pipeline.ts';

/** Server-Sent Events. A stream lasts as long as its connection. */
export function registerEvents(
  app: FastifyInstance,
  { config, hub }: { readonly config: GatewayConfig; readonly hub: EventHub },
): void {
  const streams = new PerAddress(streamsPerAddress(config));
  app.all(config.events.path, (request, reply) => {
    if (request.method !== 'GET') {
      reply.header('Allow', 'GET');
      throw new GatewayError('methodNotAllowed');
    }
    // The stream is written to the response itself: Fastify would wait for its end.
    reply.hijack();
    pipelineOf(request.raw.socket)?.beginLast(reply.raw, () => {
      try {
        const release = streams.take(acceptedRequest(request.raw).client.address);
        if (release === undefined) throw new GatewayError('tooManyStreams');
        reply.raw.once('close', release);
        serveEvents(hub, request.raw, reply.raw);
      } catch (error) {
        new NodeReply(reply.raw).fail(asGatewayError(error));
      }
    });
  });
}

/** However many streams an address may have, half of the room for subscribers is left to others. */
function streamsPerAddress({ server, events }: GatewayConfig): number {
  return Math.min(server.limits.perAddress.streams, Math.max(1, Math.ceil(events.maxSubscribers / 2)));
}
