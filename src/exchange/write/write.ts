import type { Readable } from 'node:stream';
import type { LogRecord } from '../../coherence/record.ts';
import { asGatewayError, GatewayError, OriginError } from '../../errors.ts';
import { endToEnd } from '../../http/connection.ts';
import { without } from '../../http/fields.ts';
import type { Json } from '../../rules/types.ts';
import { readJson, readUpTo, textOf } from '../body.ts';
import { appendCacheStatus } from '../cache-status-lines.ts';
import { passedFields } from '../client-fields.ts';
import { forwardFields } from '../forward.ts';
import type { ClientRequest, OriginResponse, Reply, RouteTable } from '../ports.ts';
import { pump } from '../pump.ts';
import { conclude } from './conclude.ts';
import { Noting } from './noting.ts';
import { matchesOf, needsOf, reachOf } from './plan.ts';
import type { Answered, ArrivedWrite, NotedWrite, WritePorts } from './ports.ts';
import { AnsweredWrite } from './records.ts';
import { sourcesOf } from './sources.ts';
import { Upload } from './upload.ts';
import type { HeldUpload } from './upload-budget.ts';

/** Bodies up to this are received whole before the origin hears of the write: slow clients hold no connection to it. */
const READ_AHEAD_BYTES = 256 * 1024;

type Outcome =
  | { readonly kind: 'answered'; readonly answer: OriginResponse }
  | { readonly kind: 'indeterminate'; readonly error: unknown }
  | { readonly kind: 'not-sent'; readonly error: unknown }
  /** The origin got a part of the body, and never its end. */
  | { readonly kind: 'broken-off'; readonly error: unknown };

/**
 * A write: arrive → note → before → forward → outcome → resolve → invalidate → release. What the answer waits for before it
 * reaches the client is in coherence/transaction.ts.
 */
export async function write(
  ports: WritePorts,
  found: ReturnType<RouteTable['find']>,
  request: ClientRequest,
  body: Readable | undefined,
  reply: Reply,
): Promise<void> {
  const startedAt = ports.clock.monotonic();
  let noting: Noting | undefined;
  const held = ports.uploads.begin(ports.addressOf(request));
  try {
    refuseBeyondShare(ports, request);
    const arrived = await arrive(ports, found, request, { body, held, startedAt });
    noting = new Noting(ports, found, arrived);
    const outcome = await forward(arrived, noting, reply);
    if (outcome.kind === 'broken-off') await recordBrokenOff(ports, arrived, noting);
    else if (outcome.kind !== 'answered') await concludeUnanswered(ports, await noting.begin(), outcome, noting);
    if (outcome.kind !== 'answered') throw outcome.error;
    await release(ports, await noting.begin(), outcome.answer, { reply, noting });
  } catch (error) {
    if (!reply.gone) ports.failed(error, request);
    reply.fail(asGatewayError(error));
  } finally {
    held.release();
    noting?.end();
  }
}

/** Receives the body as far as it is needed before anybody else hears of the write. */
async function arrive(
  ports: WritePorts,
  { route }: ReturnType<RouteTable['find']>,
  request: ClientRequest,
  { body, held, startedAt }: { body: Readable | undefined; held: HeldUpload; startedAt: number },
): Promise<ArrivedWrite> {
  refuseTooLarge(request, ports.requestBytes);
  const matches = matchesOf(ports.rules, request);
  const needs = needsOf(matches);
  // Where the representation lives, and whether the write is to be refused, may be told by the body alone.
  const bodyTells =
    route.before?.placeholders.some(({ sources }) => sources.some(({ root }) => root === 'request')) === true ||
    (needs.request && matches.some(({ rule }) => rule.config.unresolved === 'reject'));
  const readsRequest = needs.request || bodyTells;
  const upload = new Upload(request, body, {
    captureBytes: readsRequest ? ports.resolveBytes : 0,
    maxBytes: ports.requestBytes,
    held,
  });
  await upload.readAhead(bodyTells ? Math.max(ports.resolveBytes, READ_AHEAD_BYTES) : READ_AHEAD_BYTES);
  if (bodyTells && upload.crowdedOut) throw new GatewayError('overloaded', 'too much is being uploaded');
  return { request, route, matches, needs: { ...needs, request: readsRequest }, upload, startedAt };
}

/** Before the origin hears of it: nothing has to be quarantined then. */
function refuseBeyondShare({ quarantines, addressOf }: WritePorts, request: ClientRequest): void {
  if (!quarantines.hasRoom(addressOf(request))) throw new GatewayError('tooManyIndeterminate');
}

/** What says that it is too large is refused before the origin hears of it; what does not is broken off (upload.ts). */
function refuseTooLarge(request: ClientRequest, maxBytes: number | undefined): void {
  if (maxBytes !== undefined && Number(request.headers.get('content-length') ?? 0) > maxBytes) {
    throw new GatewayError('contentTooLarge', `the limit is ${maxBytes} bytes`);
  }
}

/** Sends the write to the origin, noted before the end of it is sent. */
async function forward({ request, route, upload }: ArrivedWrite, noting: Noting, reply: Reply): Promise<Outcome> {
  const { target } = request;
  if (upload.isWhole) await noting.begin();
  try {
    const answer = await route.origin.fetch({
      method: request.method,
      target: target.query === '' ? target.path : `${target.path}?${target.query}`,
      headers: forwardFields(request, route.policy.client),
      body: upload.forwarded(() => noting.begin()),
      onInterim: (status, lines) => reply.interim(status, endToEnd(lines)),
    });
    // It did not wait for the end of the body: what was read since may be from before or after the write.
    if (!upload.handedOver) await noting.beginLate();
    return { kind: 'answered', answer };
  } catch (error) {
    if (noting.failure !== undefined) throw noting.failure;
    const sent = !(error instanceof OriginError) || error.sent;
    // Of an upload that never left there is nothing to record.
    if (!upload.handedOver && !sent) throw error;
    if (!upload.handedOver) return { kind: 'broken-off', error };
    // Where the request may have reached the origin, what it did there is unknown.
    return { kind: sent ? 'indeterminate' : 'not-sent', error };
  }
}

/**
 * An origin that applies what it has of a body, though it never got the end, has changed something: what the write may have
 * touched is dropped once. It cannot be applied any later, so nothing is kept out of the store.
 */
async function recordBrokenOff(ports: WritePorts, arrived: ArrivedWrite, noting: Noting): Promise<void> {
  noting.withdraw();
  const { request, matches, startedAt } = arrived;
  const effect = reachOf(ports.rules, request, matches, sourcesOf(arrived));
  const { coverage, announcements } = effect;
  const { record, removed } = await ports.log.append({ coverage, announcements });
  ports.report({
    ...{ request, effect, removed, skipped: [], outcome: 'indeterminate', position: record.position },
    ...{ status: undefined, patched: undefined, explain: undefined },
    rules: matches.map(({ rule }) => rule.config.name),
    ms: ports.clock.monotonic() - startedAt,
  });
}

async function concludeUnanswered(
  ports: WritePorts,
  write: NotedWrite,
  { kind }: Outcome,
  noting: Noting,
): Promise<void> {
  const answered: Answered = { answer: undefined, response: { missing: 'incomplete' }, text: undefined };
  if (kind === 'indeterminate') {
    await conclude(ports, await AnsweredWrite.of(ports, write, answered), 'indeterminate');
    noting.fulfilled();
  } else {
    AnsweredWrite.refused(ports, write, answered).reportUnrecorded();
    noting.withdraw();
  }
}

/** Makes the record, waits for what transaction.ts says, and only then lets the client have the answer. */
async function release(
  ports: WritePorts,
  write: NotedWrite,
  answer: OriginResponse,
  { reply, noting }: { reply: Reply; noting: Noting },
): Promise<void> {
  if (noting.beforeFailure !== undefined) ports.failed(noting.beforeFailure, write.request);
  if (isRefusal(write, answer.status)) {
    const refused = AnsweredWrite.refused(ports, write, { answer, response: { missing: 'not-read' }, text: undefined });
    await finish(ports, { noting, write: refused, outcome: 'refused' });
    return pass(write, answer, [], answer.body.iterator({ destroyOnReturn: false }), reply);
  }
  let read: Awaited<ReturnType<typeof readUpTo>> | undefined;
  let failure: unknown;
  try {
    if (write.needs.response && answer.status < 500) read = await readUpTo(answer.body, ports.resolveBytes);
  } catch (error) {
    // The status said that it was done; what was done is in the part of the body that is missing.
    failure = error;
  }
  const text = read !== undefined && 'whole' in read ? textOf(read.whole, answer.headers) : undefined;
  const answered = await AnsweredWrite.of(ports, write, {
    answer,
    response: responseJson(answer, read, failure),
    text,
  });
  const record = await finish(ports, { noting, write: answered, outcome: answered.outcome });
  if (failure !== undefined) throw failure;
  const chunks = read === undefined ? [] : 'whole' in read ? [read.whole] : [read.head];
  const rest =
    read === undefined ? answer.body.iterator({ destroyOnReturn: false }) : 'rest' in read ? read.rest : undefined;
  const position = record && ports.log.tokenOf(record);
  await pass(write, answer, chunks, rest as AsyncIterator<Buffer> | undefined, reply, position);
}

async function finish(
  ports: WritePorts,
  { noting, write, outcome }: { noting: Noting; write: AnsweredWrite; outcome: AnsweredWrite['outcome'] },
): Promise<LogRecord | undefined> {
  const record = await conclude(ports, write, outcome);
  if (record === undefined) noting.withdraw();
  else noting.fulfilled();
  if (outcome === 'refused' || record === undefined) write.reportUnrecorded();
  return record;
}

/** The origin says that it has done nothing: a client error, or a method that it does not implement (RFC 9110 §15.6.2). */
function isRefusal({ route }: ArrivedWrite, status: number): boolean {
  if (status < 400) return false;
  return status < 500 || status === 501 || route.origin.serverErrors === 'unchanged';
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
  { route }: ArrivedWrite,
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
