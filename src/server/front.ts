import { createServer, IncomingMessage, type Server, type ServerResponse, STATUS_CODES } from 'node:http';
import type { Duplex } from 'node:stream';
import type { GatewayConfig } from '../config/model.ts';
import { asGatewayError, GatewayError } from '../errors.ts';
import type { ClientRequest, Reply } from '../exchange/ports.ts';
import { headText } from '../http/fields.ts';
import { clientRequest, type TrustedProxies } from './client-request.ts';
import { NodeReply } from './node-reply.ts';
import { problemBody, problemLines } from './problem.ts';

/** A client that has not sent its whole request head by then is cut off (slow-header attacks). */
const HEADERS_TIMEOUT_MS = 30_000;
/** How long an idle connection is kept for the next request. */
const KEEP_ALIVE_MS = 65_000;

export type NodeHandler = (message: IncomingMessage, response: ServerResponse) => void;

export interface FrontOptions {
  readonly limits: GatewayConfig['server']['limits'];
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
  server.on('request', (message, response) => {
    open(message, response);
    // What follows on a connection that was to be upgraded is read by no rule.
    if (options.draining() || (message as Message).refused) response.shouldKeepAlive = false;
    const request = accept(message, response, options);
    if (request === undefined) return;
    const isRead = request.method === 'GET' || request.method === 'HEAD';
    if (isRead && !hasBody(message) && taken(options, request, new NodeReply(response))) return;
    message.url = options.routedAs(request);
    options.fallThrough(message, response);
  });
  server.on('checkExpectation', (_message, response: ServerResponse) => {
    new NodeReply(response).fail(new GatewayError('expectationFailed'), ['Connection', 'close']);
  });
  server.on('clientError', (error: NodeJS.ErrnoException, socket) => {
    const problem = malformed(error);
    if (problem !== undefined) options.onMalformed(problem, (socket as { remoteAddress?: string }).remoteAddress);
    refuseInTurn(socket, problem);
  });
  // Without a listener Node closes the connection, and says nothing.
  server.on('connect', (_message, socket) => {
    outlive(socket);
    refuseInTurn(socket, new GatewayError('methodNotAllowed', 'this is no tunnel'));
  });
  server.on('upgrade', (_message, socket) => outlive(socket));
  return server;
}

/** Node lets go of a connection that it hands over: an error of it that nobody hears would end the process. */
function outlive(socket: Duplex): void {
  socket.on('error', () => socket.destroy());
}

/**
 * Upgrades to anything but a WebSocket are as if they had not been asked for (RFC 9110 §7.8): `h2c` above all, which would tunnel
 * requests past every check, and which some clients ask for with each first request. Node hands a connection over, with the
 * body of the request still in it, wherever there is a listener and this says that there is an upgrade.
 */
class Message extends IncomingMessage {
  // Set by the constructor of the super class: a field of this class would be declared after that.
  declare asked: boolean | null;

  get upgrade(): boolean {
    if (this.asked !== true) return false;
    if (this.method === 'CONNECT') return true;
    // RFC 6455 §4.1: a GET, by itself. Behind others that are not answered yet, the connection is not free to be handed over.
    const isHandshake = this.method === 'GET' && this.headers.upgrade?.trim().toLowerCase() === 'websocket';
    return isHandshake && !hasBody(this) && unanswered(this.socket).length === 0;
  }

  set upgrade(value: boolean | null) {
    this.asked = value;
  }

  get refused(): boolean {
    return this.asked === true && !this.upgrade;
  }
}

interface Open {
  readonly message: IncomingMessage;
  readonly response: ServerResponse;
}

/** Requests of a connection in their order, those that were answered among them until the next one comes: a hit pays no listener. */
const received = new WeakMap<Duplex, Open[]>();

function open(message: IncomingMessage, response: ServerResponse): void {
  const { socket } = message;
  const one = { message, response };
  const earlier = received.get(socket);
  if (earlier === undefined) received.set(socket, [one]);
  else if (earlier.length === 1 && earlier[0]?.response.closed === true) earlier[0] = one;
  else received.set(socket, [...unanswered(socket), one]);
}

function unanswered(socket: Duplex): Open[] {
  return (received.get(socket) ?? []).filter(({ response }) => !response.closed);
}

/**
 * Says what is wrong where the answer to the malformed request belongs: behind those to earlier ones, and not into the middle of one,
 * which its client, or a cache on the way, would take for a part of its body.
 */
function refuseInTurn(socket: Duplex, problem: GatewayError | undefined): void {
  const all = unanswered(socket);
  const whole = all.filter(({ message }) => message.complete);
  const broken = all.find(({ message }) => !message.complete);
  const end = (): void => {
    if (broken?.response.headersSent === true) socket.destroy();
    else refuse(socket, problem);
  };
  const last = whole.at(-1);
  if (problem === undefined || last === undefined) end();
  else last.response.once('close', end);
}

/** A hit is answered within the event of the server, where whatever is thrown would end the process. */
function taken(options: FrontOptions, request: ClientRequest, reply: NodeReply): boolean {
  try {
    return options.read(request, reply);
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
    accepted.set(message, request);
    return request;
  } catch (error) {
    const problem = error instanceof GatewayError ? error : new GatewayError('internal', undefined, { cause: error });
    onMalformed(problem, message.socket.remoteAddress);
    // The connection is closed: where the request ends may be what the two sides disagree on.
    new NodeReply(response).fail(problem, ['Connection', 'close']);
    return undefined;
  }
}

export function hasBody(message: IncomingMessage): boolean {
  const length = message.headers['content-length'];
  return message.headers['transfer-encoding'] !== undefined || (length !== undefined && length !== '0');
}

/** What Node's parser refused, as one of our errors; undefined where the client merely went away. */
function malformed(error: NodeJS.ErrnoException): GatewayError | undefined {
  switch (error.code) {
    case 'ECONNRESET':
    case 'EPIPE':
      return undefined;
    case 'HPE_HEADER_OVERFLOW':
      return new GatewayError('headersTooLarge');
    case 'ERR_HTTP_REQUEST_TIMEOUT':
      return new GatewayError('requestTimeout');
    default:
      return new GatewayError('badRequest', undefined, { cause: error });
  }
}

function refuse(socket: Duplex, problem: GatewayError | undefined): void {
  if (problem === undefined || !socket.writable) {
    socket.destroy();
    return;
  }
  const body = problemBody(problem);
  const lines = [...problemLines(problem), 'Content-Length', String(body.byteLength), 'Connection', 'close'];
  const head = `HTTP/1.1 ${problem.status} ${STATUS_CODES[problem.status]}\r\n${headText(lines)}`;
  socket.end(`${head}\r\n${body.toString()}`);
}
