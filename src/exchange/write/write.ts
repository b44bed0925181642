import type { LogRecord } from '../../coherence/record.ts';
import { Transaction } from '../../coherence/transaction.ts';
import { asGatewayError, GatewayError, OriginError } from '../../errors.ts';
import { isIncremental } from '../../http/incremental.ts';
import type { Json } from '../../rules/types.ts';
import { askOrigin, awaitShare, refuseIfDown } from '../ask-origin.ts';
import { type ReadBody, readAnswerUpTo, readJson, textOf } from '../body.ts';
import { forwardFields } from '../forward.ts';
import type { Place } from '../origin-shares.ts';
import type { ClientRequest, OriginResponse, Reply, RequestBody, RouteTable } from '../ports.ts';
import { arrive } from './arrive.ts';
import { conclude } from './conclude.ts';
import { inTurn } from './in-turn.ts';
import { Noting } from './noting.ts';
import { passAnswer } from './pass-answer.ts';
import { Reach } from './plan.ts';
import { writeProtected } from './protection.ts';
import { protectionAmong, takesTurns } from './protections.ts';
import { AnsweredWrite } from './records.ts';
import { sourcesOf } from './sources.ts';
import type { ArrivedWrite, Guard, NotedRequest, OriginAnswer, WritePorts } from './write-ports.ts';

type Found = ReturnType<RouteTable['find']>;

type ForwardResult =
  | { readonly kind: 'answered'; readonly answer: OriginResponse }
  | { readonly kind: 'indeterminate'; readonly error: unknown }
  | { readonly kind: 'not-sent'; readonly error: unknown }
  /** The origin received a part of the body but never its end. */
  | { readonly kind: 'broken-off'; readonly error: unknown };

/**
 * Handles a write, for example a PUT. Its steps, and where they are:
 *
 * - arrive: finds the rules that match and receives a small body whole (arrive.ts, upload.ts)
 * - note, before: lets conflicting writes and other nodes know of it, then reads the representation that it replaces
 *   (`noting.begin()`, called by `forward`)
 * - forward: sends it to the origin; the end of the body only once it is noted (`forward`)
 * - outcome: refused, indeterminate, unchanged or done (`isRefusal`, `concludeUnanswered`, records.ts)
 * - resolve: evaluates its rules: which targets, so what is covered (`AnsweredWrite.of` in records.ts)
 * - invalidate: appends the record, and waits as coherence/transaction.ts prescribes (conclude.ts). wire-coherence.ts
 *   applies the record to the memory of this node when it comes down the log
 * - release: only then answers the client (`release`, pass-answer.ts)
 */
export async function write(
  ports: WritePorts,
  { found, request, body }: { found: Found; request: ClientRequest; body: RequestBody },
  reply: Reply,
): Promise<void> {
  const startedAt = ports.clock.monotonic();
  const held = ports.uploads.begin(request.client.address);
  try {
    refuseBeyondShare(ports, request);
    const { protections } = ports;
    const entries = protections?.at(request.target.resource);
    const arrived = await arrive(ports, { route: found.route, request, body, held, startedAt, entries });
    const own = { arrived, found, reply };
    if (protections === undefined || entries === undefined) {
      await exchange(ports, own);
      return;
    }
    const protection = protectionAmong(entries, arrived.request);
    if (protection !== undefined) {
      await writeProtected(ports, {
        arrived,
        found,
        reply,
        protection,
        protections,
        entries,
        send: (write, guard) => exchange(ports, { found, arrived: afresh(write), reply, guard }),
        settle: (write) => settle(ports, found, afresh(write)),
      });
    } else if (takesTurns(entries, arrived.request)) {
      const sendInTurn = (write: ArrivedWrite) => exchange(ports, { arrived: write, found, reply });
      await inTurn(ports, { arrived, found, reply, protections }, sendInTurn);
    } else await exchange(ports, own);
  } catch (error) {
    if (!reply.gone) ports.failed(error, request);
    reply.fail(asGatewayError(error));
  } finally {
    held.release();
  }
}

/** Each attempt to send a write has its own course. */
const afresh = (write: ArrivedWrite): ArrivedWrite => ({ ...write, transaction: new Transaction() });

/** A write that has arrived, on its way to the origin and back. */
interface Exchange {
  readonly found: Found;
  readonly arrived: ArrivedWrite;
  readonly reply: Reply;
  /** Of a protected write. */
  readonly guard?: Guard;
}

/** Forwards a write and answers its client. `again`: its guard wants it sent again. */
async function exchange(ports: WritePorts, { found, arrived, reply, guard }: Exchange): Promise<'answered' | 'again'> {
  const { request } = arrived;
  const noting = new Noting(ports, found, arrived);
  let place: Place | undefined;
  let answer: OriginResponse | undefined;
  try {
    const probing = refuseIfDown(request, found.route);
    if (probing !== undefined) await probing;
    // Before it is noted: no write of another client waits for one that has not got its turn.
    const entered = arrived.turn === undefined ? awaitShare({ request, route: found.route }, reply) : arrived.place;
    place = entered instanceof Promise ? await entered : entered;
    const maySend = (): boolean => arrived.turn?.holds() !== false && guard?.holds() !== false;
    const result = await forward(arrived, noting, { reply, place, maySend });
    if (result.kind !== 'not-sent') guard?.sent();
    if (result.kind === 'broken-off') await recordBrokenOff(ports, arrived, noting);
    else if (result.kind !== 'answered') await concludeUnanswered(ports, await noting.begin(), result, noting);
    if (result.kind !== 'answered') throw result.error;
    answer = result.answer;
    if (guard?.arrived(answer) === 'again') {
      answer.body.destroy();
      noting.withdraw();
      return 'again';
    }
    await release(ports, await noting.begin(), answer, { reply, noting, guard });
    return 'answered';
  } catch (error) {
    // A body that nobody reads would hold its connection for ever.
    answer?.body.destroy();
    throw error;
  } finally {
    place?.leave();
    noting.end();
  }
}

/** Concludes a write that the gateway answers by itself, as one that the origin refused. */
async function settle(ports: WritePorts, found: Found, arrived: ArrivedWrite): Promise<string | undefined> {
  const noting = new Noting(ports, found, arrived);
  try {
    const noted = await noting.begin();
    handOver(arrived);
    const answered = { answer: undefined, response: { missing: 'not-read' }, text: noText } as const;
    const write = AnsweredWrite.refused(ports, noted, answered);
    const record = await finish(ports, { noting, write, outcome: 'refused' });
    return record && ports.log.tokenOf(record);
  } finally {
    noting.end();
  }
}

/** Refuses before the origin hears of the write: nothing has to be quarantined then. */
function refuseBeyondShare({ quarantines }: WritePorts, { client }: ClientRequest): void {
  if (!quarantines.hasRoom(client.address)) throw new GatewayError('tooManyIndeterminate');
}

/** Forwards the write to the origin. The write is noted before the end of the body is sent. */
async function forward(
  write: ArrivedWrite,
  noting: Noting,
  way: { readonly reply: Reply; readonly place: Place | undefined; readonly maySend: () => boolean },
): Promise<ForwardResult> {
  const { request, route, upload, transaction } = write;
  if (upload.isWhole) {
    const noted = noting.begin();
    if (noted instanceof Promise) await noted;
    handOver(write);
  }
  let answer: OriginResponse | undefined;
  try {
    const headers = forwardFields(request, route.policy.client);
    const body = upload.forwarded(async () => {
      await noting.beginInTurn();
      handOver(write);
    });
    const { reply, place, maySend } = way;
    answer = await askOrigin({ request, route }, { headers, body, writes: true, reply, place, maySend });
    // The origin answered before the end of the body. A representation read since may be from before or after the
    // write.
    if (!transaction.forwarded) {
      await noting.beginLate();
      handOver(write);
    }
    return { kind: 'answered', answer };
  } catch (thrown) {
    // Ends an upload that the origin has answered early: no more of it must arrive after its record.
    answer?.body.destroy();
    const sent = !(thrown instanceof OriginError) || thrown.sent;
    // If it could not be noted, it broke off for that reason, but the origin may have received a part all the same.
    const error = noting.failure ?? thrown;
    // Nothing was sent, so there is nothing to record.
    if (!transaction.forwarded && !sent) throw error;
    if (!transaction.forwarded) return { kind: 'broken-off', error: forwardedInPart(error) };
    // If the request may have reached the origin, the outcome is unknown.
    return { kind: sent ? 'indeterminate' : 'not-sent', error };
  }
}

/** Lets the origin have the end of the request: the write is noted. */
function handOver({ transaction }: ArrivedWrite): void {
  const command = transaction.take({ type: 'noted' });
  if (command.do === 'forward') transaction.take({ type: 'forwarded' });
}

/** An upload is refused when it cannot be noted at its end, and by then the origin has the rest of it. */
function forwardedInPart(error: unknown): unknown {
  if (!(error instanceof GatewayError) || error.code !== 'uncoordinated') return error;
  const { cause } = error;
  return new GatewayError(error.code, 'the origin has received a part of the write, but not its end', { cause });
}

/**
 * Records an upload that broke off. The origin may have applied the part that it received, so everything that the write
 * may have changed is invalidated once. It cannot be applied later, so no quarantine is needed.
 */
async function recordBrokenOff(ports: WritePorts, arrived: ArrivedWrite, noting: Noting): Promise<void> {
  noting.withdraw();
  const { request, matches, startedAt } = arrived;
  const effect = new Reach(ports.rules, request, matches, sourcesOf(arrived));
  const { coverage, announcements } = effect;
  const { record, removed } = await ports.log.append({ coverage, announcements });
  ports.report({
    ...{ request, effect, removed, skipped: [], outcome: 'indeterminate', position: record.position },
    ...{ status: undefined, patched: undefined, resolved: undefined },
    rules: matches.map(({ rule }) => rule.config.name),
    ms: ports.clock.monotonic() - startedAt,
  });
}

const noText = (): undefined => undefined;

async function concludeUnanswered(
  ports: WritePorts,
  write: NotedRequest,
  { kind }: ForwardResult,
  noting: Noting,
): Promise<void> {
  const answered: OriginAnswer = { answer: undefined, response: { missing: 'incomplete' }, text: noText };
  if (kind === 'indeterminate') {
    await conclude(ports, await AnsweredWrite.of(ports, write, answered), 'indeterminate');
    noting.fulfilled();
  } else {
    AnsweredWrite.refused(ports, write, answered).reportUnrecorded();
    noting.withdraw();
  }
}

/** Makes the record, waits as transaction.ts prescribes, and only then sends the answer to the client. */
async function release(
  ports: WritePorts,
  write: NotedRequest,
  answer: OriginResponse,
  { reply, noting, guard }: { reply: Reply; noting: Noting; guard: Guard | undefined },
): Promise<void> {
  if (noting.beforeFailure !== undefined) ports.failed(noting.beforeFailure, write.request);
  if (isRefusal(write, answer.status)) {
    const refused = AnsweredWrite.refused(ports, write, { answer, response: { missing: 'not-read' }, text: noText });
    const record = await finish(ports, { noting, write: refused, outcome: 'refused' });
    endTurn(write, noting);
    const position = record && ports.log.tokenOf(record);
    return passAnswer(ports, write, { answer, read: undefined, outcome: 'refused' }, { reply, position, guard });
  }
  let read: ReadBody | undefined;
  let failure: unknown;
  try {
    // Whoever reads a stream wants it as it arrives, and it is not JSON: rules fall back to wildcards.
    const reads = write.needs.response && answer.status < 500 && !isIncremental(answer.headers);
    const reading = reads ? readAnswerUpTo(answer.body, ports.resolveBytes) : undefined;
    read = reading instanceof Promise ? await reading : reading;
  } catch (error) {
    // The status says that the write was applied. Its details are in the part of the body that is missing.
    failure = error;
  }
  const whole = read !== undefined && 'whole' in read ? read.whole : undefined;
  const text = whole === undefined ? noText : () => textOf(whole, answer.headers);
  const made = AnsweredWrite.of(ports, write, { answer, response: responseJson(answer, read, failure), text });
  const answered = made instanceof Promise ? await made : made;
  const record = await finish(ports, { noting, write: answered, outcome: answered.outcome });
  endTurn(write, noting);
  if (failure !== undefined) throw failure;
  const position = record && ports.log.tokenOf(record);
  const outcome = answered.outcome === 'done' ? 'applied' : answered.outcome;
  await passAnswer(ports, write, { answer, read, outcome }, { reply, position, guard });
}

/** Before its client gets the answer: who reads it slowly must not keep others waiting. */
function endTurn({ turn }: ArrivedWrite, noting: Noting): void {
  if (turn === undefined) return;
  noting.end();
  turn.end();
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

/** Whether the origin did nothing: a client error, or a method that it does not implement (RFC 9110 §15.6.2). */
function isRefusal({ route }: ArrivedWrite, status: number): boolean {
  if (status < 400) return false;
  return status < 500 || status === 501 || route.origin.serverErrors === 'unchanged';
}

function responseJson(answer: OriginResponse, read: ReadBody | undefined, failure: unknown): Json {
  if (failure !== undefined || answer.status >= 500) return { missing: 'incomplete' };
  if (read === undefined) return { missing: 'not-read' };
  return 'whole' in read ? readJson(read.whole, answer.headers) : { missing: 'too-large' };
}
