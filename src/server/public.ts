import { type IncomingMessage, METHODS, type ServerResponse } from 'node:http';
import httpProxy from '@fastify/http-proxy';
import fastify, { type FastifyInstance } from 'fastify';
import type { GatewayConfig } from '../config/model.ts';
import { asGatewayError, GatewayError } from '../errors.ts';
import type { EventHub } from '../events/hub.ts';
import type { Authority } from '../events/rights.ts';
import type { ClientRequest, Reply } from '../exchange/ports.ts';
import { safeMethods } from '../http/methods.ts';
import { targetText } from '../route/path.ts';
import { acceptedRequest, noteAccepted } from './accepted.ts';
import { answeredHere } from './answered-here.ts';
import { EventSockets } from './event-sockets.ts';
import { eventsPaths, refuseOtherMethods, registerEvents, registerUpgradeRequired } from './events-route.ts';
import { type AcceptedExchange, accept, createFront, type Front, type FrontOptions } from './front.ts';
import { hasBody } from './message.ts';
import { NodeReply } from './node-reply.ts';
import { type PassThroughOptions, passThrough } from './pass-through.ts';
import { PerAddress } from './per-address.ts';
import { sendProblem } from './problem-json.ts';
import { Tunnels } from './tunnel.ts';
import { type Handshake, takeUpgrades } from './upgrades.ts';

export interface PublicOptions extends PassThroughOptions {
  readonly config: GatewayConfig;
  readonly trusted: FrontOptions['trusted'];
  readonly gateway: FrontOptions['gateway'];
  readonly onMalformed: FrontOptions['onMalformed'];
  readonly cut: FrontOptions['cut'];
  readonly draining: () => boolean;
  readonly hit: FrontOptions['hit'];
  readonly hub: EventHub;
  readonly authority: Authority;
  /** Answers a read that goes through the cache; false for one that passes through. */
  readonly read: (request: ClientRequest, reply: Reply) => boolean;
  /** Answers a request of an unsafe method that only reads, or says what it is. */
  readonly declaredRead: (
    request: ClientRequest,
    message: IncomingMessage,
    reply: Reply,
  ) => 'write' | 'passes' | 'taken';
  readonly write: (request: ClientRequest, message: IncomingMessage, reply: Reply) => void;
  /** Keeps count of work that a stopping gateway waits for. */
  readonly track: (work: Promise<unknown>) => void;
}

type NodeHandler = (message: IncomingMessage, response: ServerResponse) => void;

/** Where Fastify finds what passes through. The events have the only other paths. */
const MOUNT = '/';

/**
 * The public port. The front checks what comes, and `answer` says who answers it: reads of cached routes and writes
 * have exchanges of their own, reads without a body that pass through are handed on, and Fastify gets the rest: the
 * event stream, and what else passes through.
 */
export async function createPublic(options: PublicOptions): Promise<FastifyInstance> {
  const { config } = options;
  const { webSocket } = config.events;
  const paths = [...eventsPaths(config), webSocket];
  const isEvents = ({ target }: ClientRequest): boolean => paths.includes(target.path);
  let framework: NodeHandler;
  const front = createFront({
    ...options,
    limits: config.server.limits,
    answer: (exchange) => {
      if (!isEvents(exchange.request) && answered(exchange, options)) return;
      noteAccepted(exchange.message, exchange.request);
      framework(exchange.message, exchange.response);
    },
  });
  const app = createFramework(
    front,
    (handler) => {
      framework = handler;
    },
    isEvents,
  );
  const streams = new PerAddress(streamsPerAddress(config));
  registerEvents(app, { ...options, streams });
  if (webSocket !== undefined) registerUpgradeRequired(app, webSocket);
  refuseOtherMethods(app, config);
  await mountPassThrough(app, options);
  mountUpgrades(app, { ...options, streams });
  return app;
}

/** Answers what needs no framework; false for the rest. Hits come first, and pay for nothing else. */
function answered({ request, message, response }: AcceptedExchange, options: PublicOptions): boolean {
  const { config, read, declaredRead, write } = options;
  const reply = new NodeReply(response);
  const isRead = request.method === 'GET' || request.method === 'HEAD';
  if (isRead) {
    if (hasBody(message)) return false;
    // Most of what passes through has no body. It needs nothing of what the framework would do with it.
    if (!read(request, reply)) options.track(passThrough({ request, reply, body: undefined }, options));
    reply.forgetWhenGone();
    return true;
  }
  if (answeredHere(request, reply, { hasBody: hasBody(message), cache: config.fallback.cache })) return true;
  if (safeMethods.has(request.method)) return false;
  const declared = declaredRead(request, message, reply);
  if (declared === 'passes') return false;
  if (declared === 'write') write(request, message, reply);
  reply.forgetWhenGone();
  return true;
}

function createFramework(
  { server, clientError }: Front,
  begin: (handler: NodeHandler) => void,
  isEvents: (request: ClientRequest) => boolean,
): FastifyInstance {
  const app = fastify({
    serverFactory: (handler) => {
      begin(handler);
      return server;
    },
    clientErrorHandler: clientError,
    logger: false,
    forceCloseConnections: true,
    // The gateway has routed the request, by its canonical path. Fastify's router only has to find the mount: by the
    // path itself it would refuse escapes that are not UTF-8, which origins may use.
    rewriteUrl: (message) => {
      const request = acceptedRequest(message);
      return isEvents(request) ? targetText(request.target) : MOUNT;
    },
  });
  for (const method of METHODS) {
    // Fastify must not read any body, nor refuse one for its type: bodies are the origin's.
    const overrideExisting = app.supportedMethods.includes(method);
    if (method !== 'CONNECT') app.addHttpMethod(method, { hasBody: false, overrideExisting });
  }
  app.setErrorHandler((error, _request, reply) => sendProblem(reply, asGatewayError(error)));
  return app;
}

/**
 * Mounts what passes through, for every method, by http-proxy's `handler`: it answers in place of `reply.from()`, which
 * could not pass on what this gateway promises. That would lose 1xx answers, trailers, the order and the case of
 * fields, statuses above 599, and targets that are not UTF-8, and send a GET again that was answered 503. The handler
 * asks the origin as reads and writes do.
 */
async function mountPassThrough(app: FastifyInstance, options: PublicOptions): Promise<void> {
  await app.register(httpProxy, {
    // http-proxy wants to know one. The handler asks the origin of the request's route.
    upstream: options.config.origins[options.config.fallback.origin]?.url ?? '',
    routes: [MOUNT],
    httpMethods: app.supportedMethods,
    handler: ({ raw: message }, reply) => {
      // The answer goes to the response itself: Fastify refuses some statuses that origins use.
      reply.hijack();
      const body = hasBody(message) ? message : undefined;
      options.track(passThrough({ request: acceptedRequest(message), body, reply: new NodeReply(reply.raw) }, options));
    },
  });
}

/** WebSockets: those of the gateway, which have events, and those of origins. */
function mountUpgrades(app: FastifyInstance, options: PublicOptions & { readonly streams: PerAddress }): void {
  const { server, events } = options.config;
  const tunnels = new Tunnels({ ...options, perAddress: new PerAddress(server.limits.perAddress.streams) });
  const sockets = new EventSockets({ ...options, cors: events.cors });
  const take = (handshake: Handshake): void => {
    const { request, reply } = handshake;
    const { path } = request.target;
    if (options.draining()) reply.fail(new GatewayError('draining'));
    else if (path === events.path) reply.fail(new GatewayError('badRequest', 'the event stream is no WebSocket'));
    else if (path === events.webSocket) sockets.take(handshake);
    else tunnels.take(handshake);
  };
  takeUpgrades(app.server, { accept: (message, response) => accept(message, response, options), take });
  app.addHook('preClose', (done) => {
    tunnels.close();
    done();
  });
}

/** However many streams an address may have, half of the room for subscribers is left to others. */
function streamsPerAddress({ server, events }: GatewayConfig): number {
  return Math.min(server.limits.perAddress.streams, Math.max(1, Math.ceil(events.maxSubscribers / 2)));
}
