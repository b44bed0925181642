import { once } from 'node:events';
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo, Socket } from 'node:net';
import { withPatience } from './barrier.ts';

/** A request as the origin received it. */
export interface SeenRequest {
  readonly method: string;
  /** Path and query as they stood on the wire. */
  readonly url: string;
  /** Name, value, name, value, … as they stood on the wire. */
  readonly rawHeaders: readonly string[];
  /** Complete before the handler runs; empty for an early handler, which reads the body itself. */
  readonly body: Buffer;
}

export type OriginHandler = (
  request: IncomingMessage,
  response: ServerResponse,
  seen: SeenRequest,
) => void | Promise<void>;

/** `GET /steps/7` for this path with any query, `GET /steps?page=2` for this query only, or a predicate. */
export type RequestMatch = string | ((request: IncomingMessage) => boolean);

export interface ScriptedOrigin {
  /** `http://127.0.0.1:port`, without a slash at its end. */
  readonly url: string;
  readonly port: number;
  /** Every request, in the order of arrival. */
  readonly seen: readonly SeenRequest[];
  /** Answers what matches. The latest registration that matches is asked; what matches none gets a 404. */
  on(match: RequestMatch, handler: OriginHandler, options?: { early?: boolean }): ScriptedOrigin;
  /** What was seen of one path (with any query) or target. */
  requests(match: string): SeenRequest[];
  /** Resolves once what was seen satisfies the predicate: asked after each arrival and each complete body. */
  until(predicate: (seen: readonly SeenRequest[]) => boolean): Promise<void>;
  /** How many connections are open now. */
  connections(): Promise<number>;
  /** Cuts every connection. Rejects with what handlers have thrown, so that a broken script fails its test. */
  close(): Promise<void>;
}

interface Script {
  readonly match: RequestMatch;
  readonly handler: OriginHandler;
  readonly early: boolean;
}

/**
 * An origin that answers as a test tells it to, on a real HTTP server at a free port of the loopback. A handler runs
 * when the whole request has arrived; with `early` as soon as its head has, and then it reads the body itself.
 */
export async function scriptedOrigin(): Promise<ScriptedOrigin> {
  const scripts: Script[] = [];
  const seen: (SeenRequest & { body: Buffer })[] = [];
  const failures: unknown[] = [];
  const server = createServer({ keepAliveTimeout: 60_000 }, (request, response) => {
    answer(request, response).catch((error: unknown) => {
      failures.push(error);
      response.destroy();
    });
  });
  // `closeAllConnections` leaves those that were upgraded.
  const sockets = new Set<Socket>();
  server.on('connection', (socket) => {
    sockets.add(socket);
    socket.on('close', () => sockets.delete(socket));
  });
  async function answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const record = {
      method: request.method ?? '',
      url: request.url ?? '',
      rawHeaders: request.rawHeaders,
      body: Buffer.alloc(0),
    };
    seen.push(record);
    server.emit('seen');
    const script = scripts.findLast(({ match }) => matches(match, request));
    if (script?.early !== true) {
      const chunks: Buffer[] = [];
      try {
        for await (const chunk of request) chunks.push(chunk as Buffer);
      } catch {
        // The request broke off: no one waits for an answer, and `seen` shows how far it came.
        return;
      } finally {
        record.body = Buffer.concat(chunks);
        server.emit('seen');
      }
    }
    if (script === undefined)
      response.writeHead(404, { 'content-type': 'application/json' }).end('{"error":"unscripted"}');
    else await script.handler(request, response, record);
  }
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  let closed: Promise<void> | undefined;
  const origin: ScriptedOrigin = {
    url: `http://127.0.0.1:${port}`,
    port,
    seen,
    on(match, handler, options = {}) {
      scripts.push({ match, handler, early: options.early === true });
      return origin;
    },
    requests: (match) => seen.filter((request) => matches(match, request)),
    until: (predicate) => seenUntil(server, seen, predicate),
    connections: () =>
      new Promise((resolve, reject) => {
        server.getConnections((error, count) => (error === null ? resolve(count) : reject(error)));
      }),
    close() {
      closed ??= stop(server, sockets).then(() => {
        if (failures.length > 0) throw new AggregateError(failures, 'a handler of the scripted origin failed');
      });
      return closed;
    },
  };
  return origin;
}

function matches(match: RequestMatch, request: SeenRequest | IncomingMessage): boolean {
  if (typeof match === 'function') return match(request as IncomingMessage);
  const [method, target = ''] = match.split(' ');
  if (method !== request.method) return false;
  return target.includes('?') ? request.url === target : request.url?.split('?')[0] === target;
}

function seenUntil(
  server: Server,
  seen: readonly SeenRequest[],
  predicate: (seen: readonly SeenRequest[]) => boolean,
): Promise<void> {
  let check = () => {};
  const satisfied = new Promise<void>((resolve) => {
    check = () => {
      if (predicate(seen)) resolve();
    };
    server.on('seen', check);
    check();
  });
  return withPatience(satisfied, () => `requests at the scripted origin, ${seen.length} came`).finally(() => {
    server.off('seen', check);
  });
}

async function stop(server: Server, sockets: Iterable<Socket>): Promise<void> {
  const ended = once(server, 'close');
  server.close();
  for (const socket of sockets) socket.destroy();
  await ended;
}

export { gate, until } from './barrier.ts';
