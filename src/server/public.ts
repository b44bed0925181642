import { type IncomingMessage, METHODS, type ServerResponse } from 'node:http';
import httpProxy from '@fastify/http-proxy';
import fastify, { type FastifyInstance } from 'fastify';
import type { GatewayConfig } from '../config/model.ts';
import { asGatewayError, GatewayError } from '../errors.ts';
import type { EventHub } from '../events/hub.ts';
import type { Authority } from '../events/rights.ts';
import type { ClientRequest, Reply, RequestBody } from '../exchange/ports.ts';
import { isRead, safeMethods } from '../http/methods.ts';
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
import type { StreamedReply } from './streamed-reply.ts';
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
  readonly declaredRead: (request: ClientRequest, body: RequestBody, reply: Reply) => 'write' | 'passes' | 'taken';
  readonly write: (request: ClientRequest, body: RequestBody, reply: Reply) => void;
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
    plain: (request, body, reply) => {
      if (isEvents(request)) return false;
      try {
        exchange(request, body, reply, options);
      } catch (error) {
        // Within an event of the socket, whatever is thrown would end the process.
        options.failed(error, request);
        reply.fail(asGatewayError(error));
      }
      return true;
    },
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

/** Answers what needs no framework; false for the rest: reads with a body, and safe methods that pass through. */
function answered({ request, message, response }: AcceptedExchange, options: PublicOptions): boolean {
  const reply = new NodeReply(response);
  const body = bodyOf(message);
  if (isRead(request)) {
    if (body !== undefined) return false;
  } else {
    const here = { hasBody: body !== undefined, cache: options.config.fallback.cache };
    if (answeredHere(request, reply, here)) return true;
    if (safeMethods.has(request.method)) return false;
  }
  exchange(request, body, reply, options);
  reply.forgetWhenGone();
  return true;
}

/** Answers a read without a body, or a write. */
function exchange(request: ClientRequest, body: RequestBody, reply: StreamedReply, options: PublicOptions): void {
  const isTaken = isRead(request) ? options.read(request, reply) : takes(request, body, reply, options);
  if (!isTaken) options.track(passThrough({ request, reply, body }, options));
}

const bodyOf = (message: IncomingMessage): RequestBody => (hasBody(message) ? message : undefined);

/** Answers a request of an unsafe method; false if it passes through. */
function takes(
  request: ClientRequest,
  body: RequestBody,
  reply: Reply,
  { declaredRead, write }: Pick<PublicOptions, 'declaredRead' | 'write'>,
): boolean {
  const declared = declaredRead(request, body, reply);
  if (declared === 'write') write(request, body, reply);
  return declared !== 'passes';
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
 * Mounts what passes through of safe methods by http-proxy's `handler`: it answers in place of `reply.from()`, which
 * could not pass on what this gateway promises. That would lose 1xx answers, trailers, the order and the case of
 * fields, statuses above 599, and targets that are not UTF-8, and send a GET again that was answered 503. The handler
 * asks the origin as reads and writes do.
 */
async function mountPassThrough(app: FastifyInstance, options: PublicOptions): Promise<void> {
  await app.register(httpProxy, {
    // http-proxy wants to know one. The handler asks the origin of the request's route.
    upstream: options.config.origins[options.config.fallback.origin]?.url ?? '',
    routes: [MOUNT],
    // No other comes here: writes have an exchange of their own.
    httpMethods: app.supportedMethods.filter((method) => safeMethods.has(method)),
    handler: ({ raw: message }, reply) => {
      // The answer goes to the response itself: Fastify refuses some statuses that origins use.
      reply.hijack();
      const passing = { request: acceptedRequest(message), body: bodyOf(message), reply: new NodeReply(reply.raw) };
      options.track(passThrough(passing, options));
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
