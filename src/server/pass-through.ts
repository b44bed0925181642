import { systemClock } from '../clock.ts';
import { asGatewayError, OriginError } from '../errors.ts';
import { askOrigin, awaitShare, whenGone } from '../exchange/ask-origin.ts';
import { appendCacheStatus } from '../exchange/cache-status-lines.ts';
import { clientFields, passedFields } from '../exchange/client-fields.ts';
import { codedEtagOf304 } from '../exchange/coded-etags.ts';
import { forwardFields } from '../exchange/forward.ts';
import type { ClientRequest, OriginResponse, RequestBody, Route } from '../exchange/ports.ts';
import { pumpBody } from '../exchange/pump.ts';
import { parseCacheControl } from '../http/cache-control.ts';
import { endToEnd } from '../http/connection.ts';
import { formatHttpDate } from '../http/date.ts';
import { isIncremental } from '../http/incremental.ts';
import { isRead } from '../http/methods.ts';
import type { StreamedReply } from './streamed-reply.ts';

export interface PassThroughOptions {
  readonly routeOf: (request: ClientRequest) => Route;
  readonly failed: (error: unknown, request: ClientRequest) => void;
  readonly passed: (request: ClientRequest) => void;
  /** `ReadPorts.cursor`, while this node is serving. */
  readonly cursor: () => string | undefined;
}

/** A request that passes through, and the way back to its client. */
export interface Passing {
  readonly request: ClientRequest;
  readonly reply: StreamedReply;
  /** Where the event stream was before the origin was asked; undefined if that is not told. */
  readonly cursor?: string | undefined;
}

/**
 * Answers a request that is neither a cached read nor a write: routes with `cache: off`, reads with a body, and other
 * safe methods. Bodies stream both ways; 1xx answers and trailers are carried.
 */
export async function passThrough(
  passing: Passing & { readonly body: RequestBody },
  options: PassThroughOptions,
): Promise<void> {
  const { request, reply, body } = passing;
  try {
    const route = options.routeOf(request);
    const cursor = isRead(request) && route.policy.client.eventCursor ? options.cursor() : undefined;
    const headers = forwardFields(request, route.policy.client);
    const waiting = awaitShare({ request, route }, reply);
    const place = waiting instanceof Promise ? await waiting : waiting;
    const answer = await askOrigin({ request, route }, { headers, body, reply, place, signal: whenGone(reply) });
    await deliver({ request, reply, cursor }, answer, route, options);
  } catch (error) {
    // A client that has left is no failure of the origin's, which was told so.
    if (!(reply.gone && error instanceof OriginError)) options.failed(error, request);
    reply.fail(asGatewayError(error));
  }
}

/** Streams an origin's answer to the client. Rejects where the answer breaks off. */
export async function deliver(
  passing: Passing,
  answer: OriginResponse,
  route: Route,
  { passed }: Pick<PassThroughOptions, 'passed'>,
): Promise<void> {
  try {
    passed(passing.request);
    await stream(passing, answer, route);
  } catch (error) {
    // A body that nobody reads would hold its connection for ever.
    answer.body.destroy();
    throw error;
  }
}

function stream({ request, reply, cursor }: Passing, answer: OriginResponse, route: Route): Promise<void> | undefined {
  const whole = wholeBody(request, answer);
  if (whole !== undefined) {
    const own = readFields(request, answer, route);
    appendCacheStatus(own, { fwd: 'bypass', fwdStatus: answer.status }, cursor);
    reply.send(answer.status, own, whole);
    return undefined;
  }
  reply.onGone(() => answer.body.destroy());
  const reads = isRead(request);
  const lines = reads
    ? readFields(request, answer, route)
    : passedFields(endToEnd(answer.headers.lines), route.policy.client);
  const length = reads ? answer.headers.get('content-length') : undefined;
  if (length !== undefined) lines.push('Content-Length', length);
  appendCacheStatus(lines, { fwd: reads ? 'bypass' : 'method', fwdStatus: answer.status }, cursor);
  // Trailers need chunked framing (RFC 9112 §7.1.2), which an answer with a length does not have.
  const isChunked = !answer.headers.has('content-length') && reply.chunks(answer.status);
  const announced = answer.headers.get('trailer');
  if (announced !== undefined && isChunked) lines.push('Trailer', announced);
  const sink = reply.begin(answer.status, lines);
  // Node keeps the head until there is something to write.
  if (isIncremental(answer.headers)) sink.write(Buffer.alloc(0));
  const beforeEnd = (): void => {
    const trailers = answer.trailers();
    if (trailers.length > 0 && isChunked) reply.trailers(trailers);
  };
  return pumpBody(answer.body, { sink, reply, beforeEnd });
}

/** The body of an answer to a read that has come whole, as most have, and is as long as it says. It needs no stream. */
function wholeBody(request: ClientRequest, { body, headers }: OriginResponse): Buffer | undefined {
  const whole = isRead(request) ? body.whole() : undefined;
  return headers.get('content-length') === String(whole?.byteLength) ? whole : undefined;
}

/**
 * The fields of an answer to a read, without its length. What a route tells browsers also holds for reads that the
 * gateway does not keep: with an origin's `max-age` on `/users/me`, browsers would show old data for as long.
 */
function readFields({ headers: asked }: ClientRequest, answer: OriginResponse, { policy }: Route): string[] {
  const lines = clientFields(endToEnd(answer.headers.lines), {
    // A route with `cache: off` is for what changes, or is somebody's own.
    policy: policy.client.immutable && policy.cache.off ? { ...policy.client, immutable: false } : policy.client,
    directives: parseCacheControl(answer.headers.get('cache-control')),
    etag: codedEtagOf304(answer.status, answer.headers.get('etag'), asked, policy.client.encode),
    date: formatHttpDate(systemClock.wall()),
    stripped: [],
  });
  const age = answer.headers.get('age');
  if (age !== undefined) lines.push('Age', age);
  return lines;
}
