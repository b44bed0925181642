import type { Readable } from 'node:stream';
import type { Intent, Intention } from '../coherence/log.ts';
import { asGatewayError, GatewayError, OriginError } from '../errors.ts';
import { endToEnd } from '../http/connection.ts';
import type { Json, RuleMatch } from '../rules/types.ts';
import { type Place, placeOf, readBefore } from './before.ts';
import { readJson, readUpTo, textOf } from './body.ts';
import { appendCacheStatus } from './cache-status-lines.ts';
import { passedFields } from './client-fields.ts';
import { effectOf, unresolvable } from './effect.ts';
import { forwardFields, overriddenMethod, without } from './forward.ts';
import type { ClientRequest, OriginResponse, Reply, RouteTable } from './ports.ts';
import { pump } from './pump.ts';
import { record, report, settleMsOf, sourcesOf, type Write, type WritePorts } from './record.ts';
import { Upload } from './upload.ts';
import { placesOfWrite } from './write-places.ts';

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
  found: ReturnType<RouteTable['find']>,
  request: ClientRequest,
  body: Readable | undefined,
  reply: Reply,
): Promise<void> {
  const { route } = found;
  const startedAt = ports.clock.monotonic();
  const matches = matchesOf(ports, request);
  // Where the representation lives may be told by the body alone.
  const ahead =
    route.before?.placeholders.some(({ sources }) => sources.some(({ root }) => root === 'request')) === true;
  const needs = {
    before: matches.some(({ rule }) => rule.needs.before),
    request: ahead || matches.some(({ rule }) => rule.needs.request),
    response: matches.some(({ rule }) => rule.needs.response),
  };
  // Registered before `before` is read, so that no record falls between the two (invariant 5).
  const intention = matches.length > 0 || ports.shared ? intentionOf(ports, request, matches) : undefined;
  const inFlight =
    matches.length > 0 && intention !== undefined
      ? ports.inFlight.begin(request.target.resource, intention.places)
      : undefined;
  let beforeFailure: unknown;
  let intent: Intent | undefined;
  let recorded = false;
  try {
    refuseTooLarge(request, ports.requestBytes);
    const upload = new Upload(request, body, {
      captureBytes: needs.request ? ports.resolveBytes : 0,
      maxBytes: ports.requestBytes,
    });
    if (ahead || matches.some(({ rule }) => rule.config.unresolved === 'reject')) {
      await upload.readAhead(ports.resolveBytes);
    }
    const arrived: Write = { ...{ request, route, matches, needs, startedAt, inFlight, upload }, ...unread };
    // Noted before `before` is read, so that whoever writes beside this one knows of it.
    if (ports.shared && intention !== undefined) intent = await ports.log.intend(intention);
    const place = needs.before ? placeOf(request, found, ports.routes, sourcesOf(arrived)) : undefined;
    const before = await beforeOf(ports, place, matches, (error) => {
      beforeFailure = error;
    });
    const rejected = unresolvable(matches, sourcesOf({ ...arrived, before }));
    if (rejected !== undefined) throw new GatewayError('unprocessable', rejected);
    const current: Write = { ...arrived, before, place, since: ports.store.sequence, intent };
    const outcome = await forward(current, reply);
    recorded = changes(current, outcome);
    // Where the write itself fails, that is reported: an origin that is down is one line for each request.
    if (beforeFailure !== undefined && outcome.kind === 'answered') ports.failed(beforeFailure, request);
    await release(ports, current, outcome, reply);
  } catch (error) {
    if (!reply.gone) ports.failed(error, request);
    reply.fail(asGatewayError(error));
  } finally {
    inFlight?.end();
    if (intent !== undefined && !recorded) ports.log.withdraw(intent);
  }
}

/**
 * The rules of the method, and those of the method that an override names: which of the two the origin goes by, only it knows.
 */
function matchesOf({ rules }: WritePorts, request: ClientRequest): readonly RuleMatch[] {
  const { resource } = request.target;
  const matches = rules.match(request.method, resource);
  const other = overriddenMethod(request);
  if (other === undefined || other === request.method) return matches;
  const known = new Set(matches.map(({ rule }) => rule));
  return [...matches, ...rules.match(other, resource).filter(({ rule }) => !known.has(rule))];
}

/** All that the request's head tells of the targets, the rest widened: what another node would record if this one died. */
function intentionOf({ rules, doubtMs }: WritePorts, request: ClientRequest, matches: readonly RuleMatch[]): Intention {
  const unknown = { missing: 'not-read' } as const;
  const sources = {
    ...{ query: request.target.query, request: unknown, response: unknown, before: unknown },
    requestHeader: (name: string) => request.headers.get(name),
    responseHeader: () => undefined,
  };
  const applied = matches.map((match) => ({ match, sources: { ...sources, params: match.params } }));
  return {
    places: placesOfWrite(request, matches, sources),
    hits: effectOf(request, applied, sources, undefined, rules.keyed).hits,
    settleMs: Math.max(doubtMs, settleMsOf(matches)),
  };
}

/** Whether the write has, or may have, changed anything. */
function changes({ route }: Write, outcome: Outcome): boolean {
  if (outcome.kind !== 'answered') return outcome.kind === 'unknown';
  const { status } = outcome.answer;
  return !((status >= 400 && status < 500) || (status >= 500 && route.origin.serverErrors === 'unchanged'));
}

/** What says that it is too large is refused before the origin hears of it; what does not is broken off (upload.ts). */
function refuseTooLarge(request: ClientRequest, maxBytes: number | undefined): void {
  if (maxBytes !== undefined && Number(request.headers.get('content-length') ?? 0) > maxBytes) {
    throw new GatewayError('contentTooLarge', `the limit is ${maxBytes} bytes`);
  }
}

/** What is known of a write before anything was read, or sent. */
const unread = { before: { missing: 'not-read' }, place: undefined, since: 0, intent: undefined } as const;

/** The representation as it was, as far as a rule needs it; `incomplete` where its place is not known. */
function beforeOf(
  ports: WritePorts,
  place: Place | undefined,
  matches: readonly RuleMatch[],
  onFailure: (error: unknown) => void,
): Promise<Json> | Json {
  const modes = matches.filter(({ rule }) => rule.needs.before).map(({ rule }) => rule.config.before);
  const mode = modes.includes('read') ? 'read' : modes.includes('stored') ? 'stored' : undefined;
  if (mode === undefined) return { missing: 'not-read' };
  if (place === undefined) return { missing: 'incomplete' };
  const { store, clock, routes, resolveBytes: maxBytes } = ports;
  return readBefore(place, { store, clock, routes, maxBytes, mode, onFailure });
}

async function forward({ request, route, upload }: Write, reply: Reply): Promise<Outcome> {
  const { target } = request;
  try {
    const answer = await route.origin.fetch({
      method: request.method,
      target: target.query === '' ? target.path : `${target.path}?${target.query}`,
      headers: forwardFields(request, route.policy.client),
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
    await record(ports, current, { answer: undefined, response: { missing: 'incomplete' }, text: undefined });
    throw outcome.error;
  }
  const { answer } = outcome;
  if (!changes(current, outcome)) {
    report(ports, current, { outcome: 'unchanged', status: answer.status });
    return pass(current, answer, [], answer.body.iterator({ destroyOnReturn: false }), reply);
  }
  let read: Awaited<ReturnType<typeof readUpTo>> | undefined;
  let failure: unknown;
  try {
    if (current.needs.response && answer.status < 500) read = await readUpTo(answer.body, ports.resolveBytes);
  } catch (error) {
    // The status said that it was done; what was done is in the part of the body that is missing.
    failure = error;
  }
  const text = read !== undefined && 'whole' in read ? textOf(read.whole, answer.headers) : undefined;
  const made = await record(ports, current, { answer, response: responseJson(answer, read, failure), text });
  if (failure !== undefined) throw failure;
  const chunks = read === undefined ? [] : 'whole' in read ? [read.whole] : [read.head];
  const rest =
    read === undefined ? answer.body.iterator({ destroyOnReturn: false }) : 'rest' in read ? read.rest : undefined;
  await pass(
    current,
    answer,
    chunks,
    rest as AsyncIterator<Buffer> | undefined,
    reply,
    made && ports.log.tokenOf(made),
  );
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

/** Streams the answer of a write to its client. */
async function pass(
  { route }: Write,
  answer: OriginResponse,
  chunks: readonly Buffer[],
  rest: AsyncIterator<Buffer> | undefined,
  reply: Reply,
  position?: string,
): Promise<void> {
  const lines = passedFields(endToEnd(answer.headers.lines), route.policy.client);
  if (position !== undefined) lines.push('Unstale-Position', position);
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
