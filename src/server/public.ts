import { type IncomingMessage, METHODS, type Server } from 'node:http';
import type { Socket } from 'node:net';
import fastify, { type FastifyInstance } from 'fastify';
import type { GatewayConfig } from '../config/model.ts';
import { asGatewayError, GatewayError } from '../errors.ts';
import type { EventHub } from '../events/hub.ts';
import { serveEvents } from '../events/sse.ts';
import type { ClientRequest, Reply } from '../exchange/ports.ts';
import { safeMethods } from '../http/methods.ts';
import { acceptedRequest } from './accepted.ts';
import { answeredHere } from './answered-here.ts';
import { accept, createFront, type FrontOptions } from './front.ts';
import { hasBody } from './message.ts';
import { NodeReply } from './node-reply.ts';
import { type PassThroughOptions, registerPassThrough } from './pass-through.ts';
import { addressOf, PerAddress } from './per-address.ts';
import { pipelineOf } from './pipeline.ts';
import { Tunnels } from './tunnel.ts';

export interface PublicOptions extends PassThroughOptions {
  readonly config: GatewayConfig;
  readonly trusted: FrontOptions['trusted'];
  readonly onMalformed: FrontOptions['onMalformed'];
  readonly origins: FrontOptions['origins'];
  readonly cut: FrontOptions['cut'];
  readonly draining: () => boolean;
  readonly hub: EventHub;
  /** Takes a read that goes through the cache; false for routes with `cache: off`. */
  readonly read: (request: ClientRequest, reply: Reply) => boolean;
  readonly write: (request: ClientRequest, message: IncomingMessage, reply: Reply) => void;
}

/** The public port: the front takes cached reads; Fastify gets events, writes and what passes through. */
export async function createPublic(options: PublicOptions): Promise<FastifyInstance> {
  const { config } = options;
  const isEvents = (request: ClientRequest): boolean => request.target.path === config.events.path;
  const refusalOf = (request: ClientRequest): GatewayError | undefined => {
    if (options.draining()) return new GatewayError('draining');
    return isEvents(request) ? new GatewayError('badRequest', 'the event stream is no WebSocket') : undefined;
  };
  const front: Omit<FrontOptions, 'fallThrough'> = {
    limits: config.server.limits,
    trusted: options.trusted,
    onMalformed: options.onMalformed,
    origins: options.origins,
    originOf: (request) => (isEvents(request) ? undefined : options.routeOf(request).policy.origin),
    cut: options.cut,
    failed: options.failed,
    draining: options.draining,
    routedAs: (request) => (isEvents(request) ? targetOf(request) : '/'),
    read: (request, reply) => !isEvents(request) && options.read(request, reply),
  };
  const app = fastify({
    serverFactory: (handler) => createFront({ ...front, fallThrough: handler }) as Server,
    logger: false,
    // The front answers what Node cannot parse: a second one would write into the answer before it.
    clientErrorHandler: () => {},
    // Bodies are never read by Fastify; the gateway's own limit applies.
    bodyLimit: Number.MAX_SAFE_INTEGER,
    // A path that Fastify cannot decode still passes through.
    frameworkErrors: (error, _request, reply) => {
      reply.hijack();
      new NodeReply(reply.raw).fail(new GatewayError('badRequest', undefined, { cause: error }));
    },
    forceCloseConnections: true,
    routerOptions: { maxParamLength: Number.MAX_SAFE_INTEGER },
  });
  for (const method of METHODS) {
    if (method !== 'CONNECT' && !app.supportedMethods.includes(method)) app.addHttpMethod(method, { hasBody: true });
  }
  app.setErrorHandler((error, _request, reply) => {
    reply.hijack();
    new NodeReply(reply.raw).fail(asGatewayError(error));
  });
  app.addHook('onRequest', (fastifyRequest, fastifyReply, next) => {
    const message = fastifyRequest.raw;
    const request = acceptedRequest(message);
    const reply = new NodeReply(fastifyReply.raw);
    if (isEvents(request)) {
      if (request.method === 'GET') return next();
      fastifyReply.hijack();
      reply.fail(new GatewayError('methodNotAllowed'), ['Allow', 'GET']);
    } else if (answeredHere(request, reply, hasBody(message))) {
      fastifyReply.hijack();
    } else if (!safeMethods.has(request.method)) {
      fastifyReply.hijack();
      options.write(request, message, reply);
      reply.forgetWhenGone();
    } else {
      return next();
    }
    return undefined;
  });
  registerEvents(app, options);
  await registerPassThrough(app, options);
  const tunnels = new Tunnels({
    ...options,
    accept: (message, response) => {
      const request = accept(message, response, front);
      const refusal = request && refusalOf(request);
      if (refusal !== undefined) new NodeReply(response).fail(refusal);
      return refusal === undefined ? request : undefined;
    },
    perAddress: new PerAddress(config.server.limits.perAddress.streams),
  });
  // It is a connection of a client: whatever Node's types say of TLS, the front has none.
  app.server.on('upgrade', (message, socket, head) => tunnels.take(message, socket as Socket, head));
  app.addHook('preClose', (done) => {
    tunnels.close();
    done();
  });
  return app;
}

/** Server-Sent Events. A stream lasts as long as its connection. */
function registerEvents(app: FastifyInstance, { config, hub }: PublicOptions): void {
  const streams = new PerAddress(streamsPerAddress(config));
  app.get(config.events.path, (request, reply) => {
    reply.hijack();
    pipelineOf(request.raw.socket)?.beginLast(reply.raw, () => {
      try {
        const release = streams.take(addressOf(acceptedRequest(request.raw)));
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

function targetOf({ target }: ClientRequest): string {
  return target.query === '' ? target.path : `${target.path}?${target.query}`;
}
