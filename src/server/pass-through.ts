import type { IncomingMessage, ServerResponse } from 'node:http';
import httpProxy from '@fastify/http-proxy';
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import { systemClock } from '../clock.ts';
import { asGatewayError } from '../errors.ts';
import { appendCacheStatus } from '../exchange/cache-status-lines.ts';
import { clientFields, passedFields } from '../exchange/client-fields.ts';
import { codedEtagOf304 } from '../exchange/coded-etags.ts';
import { forwardFields } from '../exchange/forward.ts';
import type { ClientRequest, OriginResponse, Route } from '../exchange/ports.ts';
import { pump } from '../exchange/pump.ts';
import { parseCacheControl } from '../http/cache-control.ts';
import { endToEnd } from '../http/connection.ts';
import { formatHttpDate } from '../http/date.ts';
import type { FieldLines } from '../http/fields.ts';
import { acceptedRequest } from './accepted.ts';
import { hasBody } from './message.ts';
import { NodeReply } from './node-reply.ts';

export interface PassThroughOptions {
  readonly routeOf: (request: ClientRequest) => Route;
  /** The origin's URL, without a path, and its base path. */
  readonly upstreamOf: (route: Route) => { url: string; basePath: string };
  readonly failed: (error: unknown, request: ClientRequest) => void;
  readonly passed: (request: ClientRequest) => void;
  /** Keeps count of work that a stopping gateway waits for. */
  readonly track: (work: Promise<unknown>) => void;
}

/** One request on its way through @fastify/reply-from, which copies own symbols along with the header fields. */
const passing = Symbol('pass-through');
interface Passing {
  readonly message: IncomingMessage;
  readonly request: ClientRequest;
  readonly reply: NodeReply;
  answer?: OriginResponse;
  error?: unknown;
}
type Carrier = { [passing]: Passing };

/**
 * Everything that is neither a cached read nor a write: routes with `cache: off`, bodies on reads, and other safe methods.
 * Bodies stream both ways; 1xx answers and trailers are carried. (WebSockets: see tunnel.ts.)
 *
 * @fastify/http-proxy routes, and streams. Its requests go through the gateway's own origin pool: reply-from
 * is handed an object with a `request` method, which it takes in place of an undici dispatcher. It gets neither the target
 * nor the fields to rebuild (it would decode, and refuse, escapes that are not UTF-8): both are the canonical ones.
 */
export async function registerPassThrough(fastify: FastifyInstance, options: PassThroughOptions): Promise<void> {
  const byReply = new WeakMap<FastifyRequest, Passing>();
  await fastify.register(httpProxy, {
    upstream: '',
    httpMethods: fastify.supportedMethods,
    undici: { request: requestVia(options) },
    disableRequestLogging: true,
    // "/" for each request: nothing of it would be right to keep.
    disableCache: true,
    preHandler: (request: FastifyRequest, reply: FastifyReply, next: () => void) => {
      byReply.set(request, {
        message: request.raw,
        request: acceptedRequest(request.raw),
        reply: new NodeReply(reply.raw),
      });
      next();
    },
    replyOptions: {
      getUpstream: (request: FastifyRequest) => options.upstreamOf(options.routeOf(acceptedRequest(request.raw))).url,
      rewriteRequestHeaders: (request: FastifyRequest) => ({ [passing]: byReply.get(request) }),
      rewriteHeaders: () => ({}),
      // reply-from would repeat a GET answered 503 up to ten times.
      retryDelay: () => null,
      onResponse: (request: FastifyRequest, reply: FastifyReply) => {
        reply.hijack();
        options.track(deliver(byReply.get(request) as Passing, reply.raw, options));
      },
      onError: (reply: FastifyReply, { error }: { error: unknown }) => {
        reply.hijack();
        const current = byReply.get(reply.request) as Passing;
        options.failed(current.error ?? error, current.request);
        current.reply.fail(asGatewayError(current.error ?? error));
      },
    },
  } as never);
}

/** What @fastify/reply-from calls in place of undici's `request`. */
function requestVia(options: PassThroughOptions) {
  return (sent: { headers: Carrier }, done: (error: unknown, answer?: unknown) => void): void => {
    const current = sent.headers[passing];
    const { request, message, reply } = current;
    const { target } = request;
    const { origin, policy } = options.routeOf(request);
    const abort = new AbortController();
    reply.onGone(() => abort.abort());
    origin
      .fetch({
        method: request.method,
        target: target.query === '' ? target.path : `${target.path}?${target.query}`,
        headers: forwardFields(request, policy.client),
        body: hasBody(message) ? message : undefined,
        signal: abort.signal,
        onInterim: (status, lines) => reply.interim(status, endToEnd(lines)),
      })
      .then(
        (answer) => {
          current.answer = answer;
          // Status and fields are sent as they came, by `deliver`: Fastify refuses some that origins use.
          done(null, { statusCode: 200, headers: {}, body: answer.body });
        },
        (error: unknown) => {
          current.error = error;
          done(error);
        },
      );
  };
}

export async function deliver(current: Passing, response: ServerResponse, options: PassThroughOptions): Promise<void> {
  const { request, reply } = current;
  const answer = current.answer as OriginResponse;
  reply.onGone(() => answer.body.destroy());
  options.passed(request);
  try {
    const route = options.routeOf(request);
    const isRead = request.method === 'GET' || request.method === 'HEAD';
    const lines = isRead
      ? readFields(request, answer, route)
      : passedFields(endToEnd(answer.headers.lines), route.policy.client);
    appendCacheStatus(lines, { fwd: isRead ? 'bypass' : 'method', fwdStatus: answer.status });
    // Trailers need chunked framing (RFC 9112 §7.1.2), which an answer with a length does not have.
    const announced = answer.headers.get('trailer');
    if (announced !== undefined && !answer.headers.has('content-length')) lines.push('Trailer', announced);
    const sink = reply.begin(answer.status, lines);
    await pump(answer.body.iterator({ destroyOnReturn: false }), sink, reply, () => {
      const trailers = answer.trailers();
      if (trailers.length > 0 && !response.hasHeader('content-length')) response.addTrailers(pairs(trailers));
    });
  } catch (error) {
    options.failed(error, request);
    reply.fail(asGatewayError(error));
  }
}

/**
 * What a route tells browsers holds for reads that the gateway does not keep, too: an origin's `max-age` on `/users/me` would have
 * them show old data for as long.
 */
function readFields({ headers: asked }: ClientRequest, answer: OriginResponse, { policy }: Route): string[] {
  const lines = clientFields(endToEnd(answer.headers.lines), {
    policy: policy.client,
    directives: parseCacheControl(answer.headers.get('cache-control')),
    etag: codedEtagOf304(answer.status, answer.headers.get('etag'), asked, policy.client.encode),
    date: formatHttpDate(systemClock.wall()),
    stripped: [],
  });
  for (const name of ['Content-Length', 'Age']) {
    const value = answer.headers.get(name.toLowerCase());
    if (value !== undefined) lines.push(name, value);
  }
  return lines;
}

function pairs(lines: FieldLines): [string, string][] {
  const found: [string, string][] = [];
  for (let i = 0; i < lines.length; i += 2) found.push([lines[i] as string, lines[i + 1] as string]);
  return found;
}
