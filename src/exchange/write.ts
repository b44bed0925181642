import type { Readable } from 'node:stream';
import type { Clock } from '../clock.ts';
import type { WriteInFlight, WritesInFlight } from '../coherence/in-flight.ts';
import type { Log } from '../coherence/log.ts';
import { asGatewayError, GatewayError, OriginError } from '../errors.ts';
import { endToEnd } from '../http/connection.ts';
import type { RuleSet } from '../rules/compile.ts';
import type { Json, RuleMatch, Sources } from '../rules/types.ts';
import type { Store } from '../store/store.ts';
import { readBefore } from './before.ts';
import { readJson, readUpTo } from './body.ts';
import { effectOf, unresolvable } from './effect.ts';
import { forwardFields, without } from './forward.ts';
import type { ClientRequest, Effect, OriginResponse, Reply, Route, WriteReport } from './ports.ts';
import { pump } from './pump.ts';
import { appendCacheStatus } from './respond.ts';
import { Upload } from './upload.ts';

export interface WritePorts {
  readonly store: Store;
  readonly log: Log;
  readonly inFlight: WritesInFlight;
  readonly rules: RuleSet;
  readonly clock: Clock;
  /** Bodies longer than this stream through and are not read for ids. */
  readonly resolveBytes: number;
  /** Request bodies longer than this are refused. */
  readonly requestBytes: number | undefined;
  /** Appends the record that ends a settle window, when it is over. */
  settleLater(effect: Effect, doubt: number): void;
  /** One line in the log for each write. */
  report(report: WriteReport): void;
  failed(error: unknown, request: ClientRequest): void;
}

/** How long a write waits for others to the same resource, which may be slow uploads, before it widens what it hits. */
const MAX_WAIT_BESIDE_MS = 2_000;

/** A write on its way. */
interface Write {
  readonly request: ClientRequest;
  readonly route: Route;
  readonly matches: readonly RuleMatch[];
  readonly needs: { readonly before: boolean; readonly request: boolean; readonly response: boolean };
  readonly startedAt: number;
  readonly inFlight: WriteInFlight | undefined;
  readonly before: Json;
  readonly upload: Upload;
}

type Outcome =
  | { readonly kind: 'answered'; readonly answer: OriginResponse }
  | { readonly kind: 'unknown'; readonly error: unknown }
  | { readonly kind: 'not-sent'; readonly error: unknown };

/**
 * A write: before → forward → outcome → resolve → invalidate → release. The answer reaches the client only when the
 * record of what it made wrong is committed (invariant 3).
 */
export async function write(
  ports: WritePorts,
  route: Route,
  request: ClientRequest,
  body: Readable | undefined,
  reply: Reply,
): Promise<void> {
  const startedAt = ports.clock.monotonic();
  const matches = ports.rules.match(request.method, request.target.resource);
  const needs = {
    before: matches.some(({ rule }) => rule.needs.before),
    request: matches.some(({ rule }) => rule.needs.request),
    response: matches.some(({ rule }) => rule.needs.response),
  };
  // Registered before `before` is read, so that no record falls between the two (invariant 5).
  const inFlight = matches.length > 0 ? ports.inFlight.begin(request.target.resource) : undefined;
  let beforeFailure: unknown;
  try {
    refuseTooLarge(request, ports.requestBytes);
    const before = await beforeOf(ports, route, request, matches, (error) => {
      beforeFailure = error;
    });
    const upload = new Upload(request, body, {
      captureBytes: needs.request ? ports.resolveBytes : 0,
      maxBytes: ports.requestBytes,
    });
    const current: Write = { request, route, matches, needs, startedAt, inFlight, before, upload };
    if (matches.some(({ rule }) => rule.config.unresolved === 'reject')) await upload.readAhead(ports.resolveBytes);
    const rejected = unresolvable(matches, sourcesOf(current, undefined, { missing: 'not-read' }));
    if (rejected !== undefined) throw new GatewayError('unprocessable', rejected);
    const outcome = await forward(current, reply);
    // Where the write itself fails, that is reported: an origin that is down is one line for each request.
    if (beforeFailure !== undefined && outcome.kind === 'answered') ports.failed(beforeFailure, request);
    await release(ports, current, outcome, reply);
  } catch (error) {
    if (!reply.gone) ports.failed(error, request);
    reply.fail(asGatewayError(error));
  } finally {
    inFlight?.end();
  }
}

/** What says that it is too large is refused before the origin hears of it; what does not is broken off (upload.ts). */
function refuseTooLarge(request: ClientRequest, maxBytes: number | undefined): void {
  if (maxBytes !== undefined && Number(request.headers.get('content-length') ?? 0) > maxBytes) {
    throw new GatewayError('contentTooLarge', `the limit is ${maxBytes} bytes`);
  }
}

function beforeOf(
  ports: WritePorts,
  route: Route,
  request: ClientRequest,
  matches: readonly RuleMatch[],
  onFailure: (error: unknown) => void,
): Promise<Json> | Json {
  const modes = matches.filter(({ rule }) => rule.needs.before).map(({ rule }) => rule.config.before);
  const mode = modes.includes('read') ? 'read' : modes.includes('stored') ? 'stored' : undefined;
  if (mode === undefined) return { missing: 'not-read' };
  return readBefore(request, route, {
    store: ports.store,
    clock: ports.clock,
    maxBytes: ports.resolveBytes,
    mode,
    onFailure,
  });
}

async function forward({ request, route, upload }: Write, reply: Reply): Promise<Outcome> {
  const { target } = request;
  try {
    const answer = await route.origin.fetch({
      method: request.method,
      target: target.query === '' ? target.path : `${target.path}?${target.query}`,
      headers: forwardFields(request),
      body: upload.stream,
      onInterim: (status, lines) => reply.interim(status, endToEnd(lines)),
    });
    return { kind: 'answered', answer };
  } catch (error) {
    // Where the request may have reached the origin, what it did there is unknown.
    const sent = !(error instanceof OriginError) || error.sent;
    return { kind: sent ? 'unknown' : 'not-sent', error };
  }
}

/** Makes the record, waits until it is committed, and only then lets the client have the answer. */
async function release(ports: WritePorts, current: Write, outcome: Outcome, reply: Reply): Promise<void> {
  if (outcome.kind === 'not-sent') {
    report(ports, current, { outcome: 'unchanged', status: undefined });
    throw outcome.error;
  }
  if (outcome.kind === 'unknown') {
    await record(ports, current, undefined, { missing: 'incomplete' });
    throw outcome.error;
  }
  const { answer } = outcome;
  const rolledBack = answer.status >= 500 && current.route.origin.serverErrors === 'unchanged';
  if ((answer.status >= 400 && answer.status < 500) || rolledBack) {
    report(ports, current, { outcome: 'unchanged', status: answer.status });
    return pass(answer, [], answer.body.iterator({ destroyOnReturn: false }), reply);
  }
  let read: Awaited<ReturnType<typeof readUpTo>> | undefined;
  let failure: unknown;
  try {
    if (current.needs.response && answer.status < 500) read = await readUpTo(answer.body, ports.resolveBytes);
  } catch (error) {
    // The status said that it was done; what was done is in the part of the body that is missing.
    failure = error;
  }
  await record(ports, current, answer, responseJson(answer, read, failure));
  if (failure !== undefined) throw failure;
  const chunks = read === undefined ? [] : 'whole' in read ? [read.whole] : [read.head];
  const rest =
    read === undefined ? answer.body.iterator({ destroyOnReturn: false }) : 'rest' in read ? read.rest : undefined;
  await pass(answer, chunks, rest as AsyncIterator<Buffer> | undefined, reply);
}

function responseJson(
  answer: OriginResponse,
  read: { whole: Buffer } | { head: Buffer } | undefined,
  failure: unknown,
): Json {
  if (failure !== undefined || answer.status >= 500) return { missing: 'incomplete' };
  if (read === undefined) return { missing: 'not-read' };
  return 'whole' in read ? readJson(read.whole, answer.headers) : { missing: 'too-large' };
}

async function record(
  ports: WritePorts,
  current: Write,
  answer: OriginResponse | undefined,
  response: Json,
): Promise<void> {
  const { request, matches, needs, inFlight } = current;
  const doubt = answer === undefined || answer.status >= 500;
  const sources = sourcesOf(current, answer, response);
  const effect = effectOf(request, matches, sources, needs.before ? inFlight?.inherited() : undefined);
  const { hits, announcements } = effect;
  const { record, removed } = await ports.log.append({ hits, announcements, doubt });
  if (doubt) ports.settleLater(effect, record.position);
  report(ports, current, {
    outcome: doubt ? 'doubt' : 'applied',
    status: answer?.status,
    effect,
    position: record.position,
    removed,
  });
  inFlight?.recorded();
  if (needs.before && inFlight !== undefined && (await overtook(inFlight))) {
    // Some write beside this one is taking its time: where it may have put the resource before this one is not known.
    const widened = effectOf(request, matches, { ...sources, before: { missing: 'incomplete' } }, undefined);
    await ports.log.append({ hits: widened.hits, announcements: widened.announcements });
  }
}

/**
 * Waits for the writes beside this one to be recorded (coherence/in-flight.ts, overtaking). True where one of them was not
 * within the bound.
 */
async function overtook(inFlight: WriteInFlight): Promise<boolean> {
  let timer: NodeJS.Timeout | undefined;
  const expiry = new Promise<boolean>((resolve) => {
    timer = setTimeout(() => resolve(true), MAX_WAIT_BESIDE_MS);
  });
  const recorded = inFlight.othersRecorded().then(() => false);
  const expired = await Promise.race([recorded, expiry]);
  clearTimeout(timer);
  return expired;
}

function sourcesOf(current: Write, answer: OriginResponse | undefined, response: Json): Omit<Sources, 'params'> {
  const { request, upload, before } = current;
  return {
    query: request.target.query,
    requestHeader: (name) => request.headers.get(name),
    responseHeader: (name) => answer?.headers.get(name),
    request: current.needs.request ? upload.json() : { missing: 'not-read' },
    response,
    before,
  };
}

/** Streams the answer of a write to its client. */
async function pass(
  answer: OriginResponse,
  chunks: readonly Buffer[],
  rest: AsyncIterator<Buffer> | undefined,
  reply: Reply,
): Promise<void> {
  const lines = endToEnd(answer.headers.lines);
  appendCacheStatus(lines, { fwd: 'method', fwdStatus: answer.status });
  if (rest === undefined) {
    reply.send(
      answer.status,
      without(lines, (name) => name === 'content-length'),
      Buffer.concat(chunks),
    );
    return;
  }
  const sink = reply.begin(answer.status, lines);
  reply.onGone(() => answer.body.destroy());
  for (const chunk of chunks) sink.write(chunk);
  await pump(rest, sink, reply);
}

function report(
  ports: WritePorts,
  current: Write,
  result: {
    outcome: WriteReport['outcome'];
    status: number | undefined;
    effect?: Effect;
    position?: number;
    removed?: number;
  },
): void {
  ports.report({
    request: current.request,
    rules: current.matches.map(({ rule }) => rule.config.name),
    outcome: result.outcome,
    status: result.status,
    effect: result.effect,
    position: result.position,
    removed: result.removed ?? 0,
    ms: ports.clock.monotonic() - current.startedAt,
  });
}
