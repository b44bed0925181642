import { type IncomingMessage, Server, type ServerResponse } from 'node:http';
import type { Socket } from 'node:net';
import type { Duplex } from 'node:stream';
import { asGatewayError, GatewayError } from '../errors.ts';
import type { ClientRequest } from '../exchange/ports.ts';
import { clientOf } from './addresses.ts';
import { clientRequest, type TrustedProxies } from './client-request.ts';
import { HttpSide } from './http-side.ts';
import { Message } from './message.ts';
import { NodeReply } from './node-reply.ts';
import { PerAddress } from './per-address.ts';
import { type Exchange, Pipelines, pipelineOf } from './pipeline.ts';
import { malformed, refuse } from './refusal.ts';
import { SlowClients, type SlowClientsOptions } from './slow-clients.ts';
import { type AnswerPlain, type FindHit, SocketFront } from './socket-front.ts';
import { onDetached } from './upgrades.ts';

/** A client that has not sent its whole request head by then is cut off (slow-header attacks). */
const HEADERS_TIMEOUT_MS = 30_000;
/** How exact that is: Node looks every 30 s otherwise, and a head would have a minute. */
const CHECKED_EVERY_MS = 1_000;
/** How long an idle connection is kept for the next request. */
const KEEP_ALIVE_MS = 65_000;

/** A request that has been checked, and the way back to its client. */
export interface AcceptedExchange extends Exchange {
  readonly request: ClientRequest;
}

export interface Front {
  readonly server: Server;
  /** Listens to the server's `clientError`: the parser has refused what came on a connection. */
  readonly clientError: (error: NodeJS.ErrnoException, socket: Socket) => void;
}

export interface FrontOptions extends SlowClientsOptions {
  readonly trusted: TrustedProxies;
  /** What tells this gateway from others in `Via`. */
  readonly gateway: string;
  /** Finds hits for requests that need no HTTP server; undefined: all requests go through it. */
  readonly hit: FindHit | undefined;
  /** Answers other requests that need no HTTP server. */
  readonly plain: AnswerPlain;
  /** Answers a request. Whatever it throws is answered with a problem. */
  readonly answer: (exchange: AcceptedExchange) => void;
  /** Connections are not kept for further requests once the gateway is stopping. */
  readonly draining: () => boolean;
  readonly failed: (error: unknown, request: ClientRequest) => void;
  readonly onMalformed: (error: GatewayError, peer: string | undefined) => void;
}

/**
 * The HTTP server. It checks the framing and the target of every request, makes the target canonical, and begins the
 * requests of each connection in their order. `answer` does the rest.
 */
export function createFront(options: FrontOptions): Front {
  const server = new FrontServer({
    IncomingMessage: Message,
    maxHeaderSize: options.limits.headerBytes,
    headersTimeout: HEADERS_TIMEOUT_MS,
    connectionsCheckingInterval: CHECKED_EVERY_MS,
    // Uploads may take as long as they move: a whole-request timeout would break large ones.
    requestTimeout: 0,
    keepAliveTimeout: KEEP_ALIVE_MS,
    // The gateway answers a missing Host itself, with a problem that says so.
    requireHostHeader: false,
    insecureHTTPParser: false,
    noDelay: true,
  });
  // Node 20 drops header lines beyond a count; a Content-Length among them would be hidden from us but not from the
  // parser. Headers are bounded by their bytes instead.
  server.maxHeadersCount = 0;
  server.maxConnections = options.limits.connections;
  const begin = (exchange: Exchange): void => answer(exchange, options);
  const pipelines = new Pipelines(begin, (socket) => options.cut(peerOf(socket), 'too many requests were waiting'));
  const receive = (message: IncomingMessage, response: ServerResponse): void => {
    pipelines.of(message.socket).receive({ message, response });
  };
  server.on('request', receive);
  // Node would write it into the answer that is being sent, which may be another one.
  server.on('checkContinue', (message, response) => {
    const invite = (): void => {
      if (!response.headersSent) response.writeContinue();
    };
    if (response.socket === null) response.once('socket', invite);
    else invite();
    receive(message, response);
  });
  // `Expect` is checked where the rest of the head is.
  server.on('checkExpectation', receive);
  // Without a listener Node closes the connection without an answer.
  server.on('connect', (_message, socket) => {
    outlive(socket);
    refuse(pipelines.of(socket), socket, new GatewayError('methodNotAllowed', 'this is no tunnel'));
  });
  server.on('upgrade', (_message, socket) => outlive(socket));
  const clientError: Front['clientError'] = (error, socket) => {
    const problem = malformed(error);
    if (problem !== undefined) options.onMalformed(problem, socket.remoteAddress);
    refuse(pipelines.of(socket), socket, problem);
  };
  takeConnections(server, options, clientError);
  return { server, clientError };
}

/** The HTTP server. It also closes connections that it has not been given. */
class FrontServer extends Server {
  sockets: SocketFront | undefined;
  /** The connections that Node parses. */
  readonly #parsed = new Set<Duplex>();

  parses(side: Duplex): void {
    this.#parsed.add(side);
    side.once('close', () => this.#parsed.delete(side));
  }

  /** On how many connections clients are still being sent answers that have been given. */
  get sending(): number {
    return (this.sockets?.sending ?? 0) + [...this.#parsed].filter(hasGivenAnswer).length;
  }

  override closeIdleConnections(): void {
    this.sockets?.closeIdle();
    // For Node, a connection is idle as soon as its answer has been given. It would cut off what is still being sent.
    for (const side of [...this.#parsed]) if (pipelineOf(side)?.free === true) side.destroy();
  }

  override closeAllConnections(): void {
    this.sockets?.closeAll();
    // Node does not know those that it has handed over.
    for (const side of [...this.#parsed]) side.destroy();
  }
}

/** Whether an answer has been given, and not been sent to its end. */
function hasGivenAnswer(side: Duplex): boolean {
  return pipelineOf(side)?.begun.some(({ response }) => response.writableEnded) === true;
}

/** On how many connections clients are still being sent answers that have been given. */
export function sendingOf(server: Server): number {
  return server instanceof FrontServer ? server.sending : 0;
}

/** Puts the socket front between the port and the HTTP server, where there is one. */
function takeConnections(server: FrontServer, options: FrontOptions, clientError: Front['clientError']): void {
  const { limits, trusted, gateway, draining, hit, plain } = options;
  const isAdmitted = admission(options);
  const slow = new SlowClients(options);
  onDetached(server, (side) => slow.release(side instanceof HttpSide ? side.socket : side));
  server.on('close', () => slow.stop());
  // Node's own listener begins to parse. Any stream can be given to it; see Node's documentation of 'connection'.
  const parse = server.listeners('connection');
  server.removeAllListeners('connection');
  const serve = (side: Duplex): void => {
    server.parses(side);
    for (const listener of parse) listener.call(server, side);
  };
  const sockets =
    hit &&
    new SocketFront({
      hit,
      plain,
      draining,
      serve,
      headerBytes: limits.headerBytes,
      headersTimeoutMs: HEADERS_TIMEOUT_MS,
      keepAliveMs: KEEP_ALIVE_MS,
      peer: ({ remoteAddress: address = '' }) => ({ address, trusted: trusted.includes(address), gateway }),
      timedOut: (side) => clientError(new TimedOut(), side as Duplex as Socket),
    });
  server.sockets = sockets;
  server.on('close', () => sockets?.stop());
  server.on('connection', (socket) => {
    if (!isAdmitted(socket)) return;
    if (sockets === undefined) serve(socket);
    slow.watch(sockets === undefined ? { socket, side: socket } : sockets.take(socket));
  });
}

/** What Node reports of a request whose head does not come. */
class TimedOut extends Error {
  readonly code = 'ERR_HTTP_REQUEST_TIMEOUT';
}

function peerOf(socket: Duplex): string | undefined {
  return (socket as { remoteAddress?: string }).remoteAddress;
}

/** Bounds how many connections one client takes, of the gateway's and of the origins'. */
function admission({ limits, trusted, onMalformed }: FrontOptions): (socket: Socket) => boolean {
  const addresses = new PerAddress(limits.perAddress.connections);
  return (socket) => {
    const peer = socket.remoteAddress;
    if (trusted.includes(peer ?? '')) return true;
    const release = addresses.take(clientOf(peer ?? ''));
    if (release !== undefined) {
      socket.once('close', release);
      return true;
    }
    onMalformed(new GatewayError('overloaded', `more than ${limits.perAddress.connections} connections`), peer);
    socket.destroy();
    return false;
  };
}

function answer({ message, response }: Exchange, options: FrontOptions): void {
  // Nobody can tell what follows on a connection whose upgrade was refused.
  if (options.draining() || (message as Message).refused) response.shouldKeepAlive = false;
  const request = accept(message, response, options);
  if (request === undefined) return;
  try {
    options.answer({ message, response, request });
  } catch (error) {
    // Within an event of the server, whatever is thrown would end the process.
    options.failed(error, request);
    new NodeReply(response).fail(asGatewayError(error));
  }
}

/** Node takes its listeners off a connection that it hands over: an error without a listener would end the process. */
function outlive(socket: Duplex): void {
  socket.on('error', () => socket.destroy());
}

/** Checks a message and notes its canonical form; answers and returns undefined where it is refused. */
export function accept(
  message: IncomingMessage,
  response: ServerResponse,
  { trusted, gateway, onMalformed }: Pick<FrontOptions, 'trusted' | 'gateway' | 'onMalformed'>,
): ClientRequest | undefined {
  try {
    const request = clientRequest(message, trusted, gateway);
    return request;
  } catch (error) {
    const problem = asGatewayError(error);
    onMalformed(problem, message.socket.remoteAddress);
    // The connection is closed: the two sides may disagree on where the request ends.
    new NodeReply(response).refuse(problem);
    return undefined;
  }
}
