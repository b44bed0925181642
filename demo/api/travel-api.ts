import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import { pipeline } from 'node:stream/promises';
import { setTimeout as pause } from 'node:timers/promises';
import { asHttpError, openDatabase } from './database.ts';
import { type Call, errorReply, HttpError, json, type Reply } from './exchange.ts';
import { attachLive } from './live.ts';
import { type Page, pageAt } from './pages.ts';
import { RequestCounter } from './request-counter.ts';
import { matchRoute, type RouteTable } from './route-table.ts';
import { travelRoutes } from './routes.ts';

interface TravelApiOptions {
  /** Default 127.0.0.1. */
  readonly host?: string;
  /** Default 0: any free port. */
  readonly port?: number;
  /** Minimum and maximum latency added to each answer, in milliseconds. Default [30, 80]. */
  readonly latencyMs?: readonly [number, number];
  /** The initial database: see `openDatabase`. Default: the schema and the seed. */
  readonly snapshot?: Blob;
  /** Files by path, served without latency and not counted. Default: none. */
  readonly pages?: ReadonlyMap<string, Page>;
  /** Called for each request with its method and its target, including the query. */
  readonly onRequest?: (method: string, target: string) => void;
}

export interface TravelApi {
  /** Without a trailing slash. */
  readonly url: string;
  /**
   * Requests so far. A target without a query counts all queries. Other processes use `GET /_requests?method=&path=`.
   */
  requestCount(method: string, target: string): number;
  /** Also closes open connections. */
  close(): Promise<void>;
}

export const defaultLatencyMs: readonly [number, number] = [30, 80];

/** Starts the legacy API with a separate database. Takes about 3 s. @throws errors of `listen`, such as EADDRINUSE */
export async function startTravelApi(options: TravelApiOptions = {}): Promise<TravelApi> {
  const {
    host = '127.0.0.1',
    port = 0,
    latencyMs = defaultLatencyMs,
    snapshot,
    pages = new Map(),
    onRequest,
  } = options;
  const db = await openDatabase(snapshot);
  const counter = new RequestCounter();
  const table = travelRoutes(db);
  const noteRequest = (method: string, target: string) => {
    counter.add(method, target);
    onRequest?.(method, target);
  };
  const server = createServer((request, response) => {
    const { method = 'GET', url: target = '/' } = request;
    if (target.startsWith('/_requests?')) return void send(countReply(counter, target), request, response);
    const page = pageAt(pages, request, request.headers);
    if (page !== undefined) return void send(page, request, response);
    noteRequest(method, target);
    void answer(table, latencyMs, request, response);
  });
  const endLive = attachLive(server, (target) => noteRequest('GET', target));
  try {
    await listen(server, port, host);
  } catch (error) {
    await db.close();
    throw error;
  }
  const close = async () => {
    endLive();
    const closed = new Promise<void>((resolve) => server.close(() => resolve()));
    server.closeAllConnections();
    await closed;
    await db.close();
  };
  let closing: Promise<void> | undefined;
  return {
    url: urlOf(server),
    requestCount: (method, target) => counter.count(method, target),
    close: () => {
      closing ??= close();
      return closing;
    },
  };
}

async function listen(server: Server, port: number, host: string): Promise<void> {
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject);
    server.listen(port, host, () => {
      server.off('error', reject);
      resolve();
    });
  });
}

function urlOf(server: Server): string {
  const address = server.address();
  if (address === null || typeof address === 'string') throw new Error('the server has no port');
  const host = address.family === 'IPv6' ? `[${address.address}]` : address.address;
  return `http://${host}:${address.port}`;
}

/**
 * Waits half of the latency before the work and half after it. So an answer can be sent after a write that it does not
 * reflect: the race that a cache has to survive.
 */
async function answer(
  table: RouteTable,
  [least, most]: readonly [number, number],
  request: IncomingMessage,
  response: ServerResponse,
): Promise<void> {
  const halfMs = (least + Math.random() * (most - least)) / 2;
  if (halfMs > 0) await pause(halfMs);
  const reply = await replyTo(table, request);
  if (halfMs > 0) await pause(halfMs);
  await send(reply, request, response);
}

async function replyTo(table: RouteTable, request: IncomingMessage): Promise<Reply> {
  const { method = 'GET', url: target = '/', headers } = request;
  const mark = target.indexOf('?');
  const path = mark < 0 ? target : target.slice(0, mark);
  const query = new URLSearchParams(mark < 0 ? '' : target.slice(mark + 1));
  try {
    const { handle, params } = matchRoute(table, method, path);
    const call: Call = { method, path, query, headers, params, body: request };
    return await handle(call);
  } catch (error) {
    const known = asHttpError(error);
    // A client that disconnected within its body is not a failure of the server.
    if (known === undefined && !request.destroyed) console.error(`${method} ${target}:`, error);
    return errorReply(known ?? new HttpError(500, 'internal_error', 'The server failed.'));
  }
}

/** Every answer gets `public, max-age=300`: a filter that was set up long ago and that no one dares to touch. */
async function send(reply: Reply, request: IncomingMessage, response: ServerResponse): Promise<void> {
  const { status, headers, body } = reply;
  const length = body === undefined || typeof body === 'function' ? {} : { 'content-length': Buffer.byteLength(body) };
  response.writeHead(status, { 'cache-control': 'public, max-age=300', ...length, ...headers });
  if (typeof body !== 'function' || request.method === 'HEAD') {
    response.end(request.method === 'HEAD' || typeof body === 'function' ? undefined : body);
    return;
  }
  try {
    await pipeline(body(), response);
  } catch (error) {
    // A client that closes the connection during the stream is normal. Nothing is left open.
    const clientLeft = error instanceof Error && 'code' in error && error.code === 'ERR_STREAM_PREMATURE_CLOSE';
    if (!clientLeft) console.error(`${request.method} ${request.url}:`, error);
  }
}

function countReply(counter: RequestCounter, target: string): Reply {
  const query = new URLSearchParams(target.slice(target.indexOf('?') + 1));
  const count = counter.count(query.get('method') ?? 'GET', query.get('path') ?? '/');
  return json(200, JSON.stringify({ count }), { 'cache-control': 'no-store' });
}
