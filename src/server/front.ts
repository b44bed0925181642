import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { Socket } from 'node:net';
import type { Duplex } from 'node:stream';
import { asGatewayError, GatewayError } from '../errors.ts';
import type { ClientRequest, Reply } from '../exchange/ports.ts';
import { noteAccepted } from './accepted.ts';
import { clientOf } from './addresses.ts';
import { clientRequest, type TrustedProxies } from './client-request.ts';
import { hasBody, Message } from './message.ts';
import { NodeReply } from './node-reply.ts';
import { PerAddress } from './per-address.ts';
import { type Exchange, Pipelines } from './pipeline.ts';
import { malformed, refuse } from './refusal.ts';
import { SlowClients, type SlowClientsOptions } from './slow-clients.ts';

/** A client that has not sent its whole request head by then is cut off (slow-header attacks). */
const HEADERS_TIMEOUT_MS = 30_000;
/** How long an idle connection is kept for the next request. */
const KEEP_ALIVE_MS = 65_000;

export type NodeHandler = (message: IncomingMessage, response: ServerResponse) => void;

export interface FrontOptions extends SlowClientsOptions {
  readonly trusted: TrustedProxies;
  /** Takes reads that go through the cache. False leaves the request to Fastify. */
  readonly read: (request: ClientRequest, reply: Reply) => boolean;
  /** Fastify. */
  readonly fallThrough: NodeHandler;
  /** What Fastify routes by. Not the target itself: it refuses escapes that are not UTF-8. */
  readonly routedAs: (request: ClientRequest) => string;
  /** Connections are not kept for further requests once the gateway is stopping. */
  readonly draining: () => boolean;
  readonly failed: (error: unknown, request: ClientRequest) => void;
  readonly onMalformed: (error: GatewayError, peer: string | undefined) => void;
}

/**
 * The HTTP server: every request's framing and target are checked and made canonical here, then a read of a cached route
 * is answered without the framework; everything else falls through to it.
 */
export function createFront(options: FrontOptions): Server {
  const server = createServer({
    IncomingMessage: Message,
    maxHeaderSize: options.limits.headerBytes,
    headersTimeout: HEADERS_TIMEOUT_MS,
    // Uploads may take as long as they move: a whole-request timeout would break large ones.
    requestTimeout: 0,
    keepAliveTimeout: KEEP_ALIVE_MS,
    // Its absence is answered by us, with a problem that says so.
    requireHostHeader: false,
    insecureHTTPParser: false,
    noDelay: true,
  });
  // Node 20 drops header lines beyond a count; a Content-Length among them would be hidden from us but not from the
  // parser. Headers are bounded by their bytes instead.
  server.maxHeadersCount = 0;
  server.maxConnections = options.limits.connections;
  const begin = ({ message, response }: Exchange): void => answer(message, response, options);
  const pipelines = new Pipelines(begin, (socket) => options.cut(peerOf(socket), 'too many requests were waiting'));
  const receive = (message: IncomingMessage, response: ServerResponse): void => {
    pipelines.of(message.socket).receive({ message, response });
  };
  server.on('request', receive);
  // What is expected is looked at where the rest of the head is.
  server.on('checkExpectation', receive);
  server.on('clientError', (error: NodeJS.ErrnoException, socket) => {
    const problem = malformed(error);
    if (problem !== undefined) options.onMalformed(problem, peerOf(socket));
    refuse(pipelines.of(socket), socket, problem);
  });
  // Without a listener Node closes the connection, and says nothing.
  server.on('connect', (_message, socket) => {
    outlive(socket);
    refuse(pipelines.of(socket), socket, new GatewayError('methodNotAllowed', 'this is no tunnel'));
  });
  server.on('upgrade', (_message, socket) => outlive(socket));
  watchClients(server, options);
  return server;
}

function peerOf(socket: Duplex): string | undefined {
  return (socket as { remoteAddress?: string }).remoteAddress;
}

/** Bounds what one client takes of the connections, the gateway's and the origins'. */
function watchClients(server: Server, options: FrontOptions): void {
  const { limits, trusted, onMalformed } = options;
  const addresses = new PerAddress(limits.perAddress.connections);
  const slow = new SlowClients(options);
  server.on('connection', (socket) => {
    const peer = socket.remoteAddress;
    const isTrusted = trusted.includes(peer ?? '');
    const release = isTrusted ? undefined : addresses.take(clientOf(peer ?? ''));
    if (release !== undefined) socket.once('close', release);
    if (isTrusted || release !== undefined) {
      slow.watch(socket);
    } else {
      onMalformed(new GatewayError('overloaded', `more than ${limits.perAddress.connections} connections`), peer);
      socket.destroy();
    }
  });
  server.on('upgrade', (_message, socket) => slow.release(socket as Socket));
  server.on('close', () => slow.stop());
}

/** Answers a request, or hands it to Fastify. */
function answer(message: IncomingMessage, response: ServerResponse, options: FrontOptions): void {
  // What follows on a connection that was to be upgraded is read by no rule.
  if (options.draining() || (message as Message).refused) response.shouldKeepAlive = false;
  const request = accept(message, response, options);
  if (request === undefined) return;
  const isRead = request.method === 'GET' || request.method === 'HEAD';
  if (isRead && !hasBody(message) && taken(options, request, new NodeReply(response))) return;
  message.url = options.routedAs(request);
  options.fallThrough(message, response);
}

/** Node lets go of a connection that it hands over: an error of it that nobody hears would end the process. */
function outlive(socket: Duplex): void {
  socket.on('error', () => socket.destroy());
}

/** A hit is answered within the event of the server, where whatever is thrown would end the process. */
function taken(options: FrontOptions, request: ClientRequest, reply: NodeReply): boolean {
  try {
    const isTaken = options.read(request, reply);
    if (isTaken) reply.forgetWhenGone();
    return isTaken;
  } catch (error) {
    options.failed(error, request);
    reply.fail(asGatewayError(error));
    return true;
  }
}

/** Checks a message and notes its canonical form; answers and returns undefined where it is refused. */
export function accept(
  message: IncomingMessage,
  response: ServerResponse,
  { trusted, onMalformed }: Pick<FrontOptions, 'trusted' | 'onMalformed'>,
): ClientRequest | undefined {
  try {
    const request = clientRequest(message, trusted);
    noteAccepted(message, request);
    return request;
  } catch (error) {
    const problem = error instanceof GatewayError ? error : new GatewayError('internal', undefined, { cause: error });
    onMalformed(problem, message.socket.remoteAddress);
    // The connection is closed: where the request ends may be what the two sides disagree on.
    new NodeReply(response).refuse(problem);
    return undefined;
  }
}
