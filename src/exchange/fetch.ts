import type { Position } from '../coherence/record.ts';
import { asGatewayError } from '../errors.ts';
import { endToEnd } from '../http/connection.ts';
import { Fields } from '../http/fields.ts';
import { currentAgeMs } from '../http/freshness.ts';
import { isErrorStatus } from '../http/stale.ts';
import { revalidationFields, selectsForFreshening } from '../http/validation.ts';
import type { StoredResponse } from '../store/stored-response.ts';
import { readUpTo } from './body.ts';
import { keyedQuery } from './cache-key.ts';
import type { Flight } from './collapse.ts';
import { FENCED, type Forward } from './decide.ts';
import { type FillContext, judge, ofTheRequest, type Verdict } from './fill.ts';
import { fillFields, hasConditions, hasUnkeyed, ownFields } from './forward.ts';
import { learnFromHead, revalidated } from './freshening.ts';
import { keep, storedForm } from './keep.ts';
import { completionFields } from './part.ts';
import type { OriginResponse, ReadOutcome, Reply } from './ports.ts';
import type { Read, ReadPorts } from './read-ports.ts';
import { respond, statusLines } from './respond.ts';
import { serveOnError } from './stand-in.ts';
import { Fill } from './stream-fill.ts';
import { fromTier, mayBeInTier } from './tier.ts';

/**
 * Asks the origin, answers the client while the body arrives, and stores what may be stored. With a `flightKey` others may
 * wait for the result; without a `reply` nobody but them does (a revalidation behind).
 */
export async function fetchAndStore(
  ports: ReadPorts,
  read: Read,
  decision: Forward,
  flightKey: string | undefined,
  reply: Reply | undefined,
): Promise<ReadOutcome> {
  // Invariant 1: noted before anyone is asked for anything.
  const asOf = ports.fence.applied;
  const flight = flightKey === undefined ? undefined : ports.flights.begin(flightKey, asOf);
  if (flight === undefined || !mayBeInTier(ports, read, decision)) {
    return askAndStore(ports, read, decision, { asOf, flightKey, flight }, reply);
  }
  const { outcome, claim } = await fromTier(ports, read, flight, reply);
  if (outcome !== undefined) return outcome;
  try {
    return await askAndStore(ports, read, decision, { asOf, flightKey, flight }, reply);
  } finally {
    claim?.();
  }
}

/** A fill of this node: as of when, and who else waits for it. */
interface Filling {
  readonly asOf: Position;
  readonly flightKey: string | undefined;
  readonly flight: Flight | undefined;
}

async function askAndStore(
  ports: ReadPorts,
  read: Read,
  decision: Forward,
  { asOf, flightKey, flight }: Filling,
  reply: Reply | undefined,
): Promise<ReadOutcome> {
  const abort = new AbortController();
  // Nobody else waits: an answer for a client that has left is not worth the origin's work.
  if (flight === undefined) reply?.onGone(() => abort.abort());
  const requestedAt = ports.clock.wall();
  let answer: OriginResponse;
  try {
    answer = await askOrigin(read, decision, reply, abort.signal);
  } catch (error) {
    return giveUp(ports, read, decision, flight, reply, error);
  }
  const context: FillContext = { read, asOf, requestedAt, respondedAt: ports.clock.wall() };
  if (answer.status === 304 && decision.stored !== undefined) {
    answer.body.resume();
    if (!selectsForFreshening(decision.stored.headers, answer.headers)) {
      // It is about another response than the one that was asked about (RFC 9111 §4.3.4): asked again without conditions.
      flight?.land({ kind: 'unusable' });
      return fetchAndStore(ports, read, { ...decision, stored: undefined }, flightKey, reply);
    }
    return revalidated(ports, context, { ...decision, stored: decision.stored }, answer, flight, reply);
  }
  if (decision.part !== undefined && (answer.status === 206 || answer.status === 416)) {
    const complete = await completion(ports, context, answer);
    if (complete !== undefined) return joined(ports, context, decision, complete, flight, reply);
    // Not of the same representation after all: asked for as a whole.
    ports.store.remove(decision.part);
    flight?.land({ kind: 'unusable' });
    return fetchAndStore(ports, read, { ...decision, part: undefined }, flightKey, reply);
  }
  if (isErrorStatus(answer.status) && decision.stored !== undefined && reply !== undefined) {
    if (serveOnError(ports, read, { ...decision, stored: decision.stored }, reply, answer.status)) {
      answer.body.destroy();
      flight?.land({ kind: 'failed', error: asGatewayError(new Error(`the origin answered ${answer.status}`)) });
      return { outcome: 'stale', detail: 'stale-if-error' };
    }
  }
  const headers = new Fields(endToEnd(answer.headers.lines));
  if (read.request.method === 'HEAD' && decision.stored !== undefined) {
    learnFromHead(ports, context, decision.stored, { ...answer, headers });
  }
  const judged = judge(context, answer.status, headers, decision.range !== undefined);
  const unfit = unfitFor(read, decision, answer.status);
  const verdict: Verdict =
    unfit === undefined ? judged : { store: false, detail: unfit, directives: judged.directives };
  const fill = new Fill(ports, context, decision, { ...answer, headers }, verdict, flight, reply);
  // An origin that fails says nothing of what it will answer.
  if (flightKey !== undefined && !isForSharing(verdict) && !isErrorStatus(answer.status))
    ports.flights.markUnshared(flightKey);
  return fill.run();
}

/** Why an answer is not for others, whatever it says of itself: it was asked for in a way that is not theirs. */
function unfitFor({ request, route }: Read, { fwd, detail, range }: Forward, status: number): string | undefined {
  if (detail === FENCED) return FENCED;
  if (fwd === 'bypass') {
    // The key names nobody: the next one that it names nobody for would get it.
    if (route.policy.cache.credentials === 'perUser') return 'credentials';
    // Asked with the client's own conditions, and with what a trusted proxy says of its address: what they did is in no key.
    if (status !== 200 && hasConditions(request)) return 'conditional';
    if (request.trusted && hasUnkeyed(request, route.policy.cache)) return 'unkeyed';
  }
  // To a range an origin answers with errors that the whole does not have: 416 above all.
  if (range !== undefined && status !== 206 && status !== 200) return 'range';
  return undefined;
}

/** Whether those who ask at the same time may wait for one answer: one that must be validated for each (RFC 9111 §4) is no use to them. */
function isForSharing(verdict: Verdict): boolean {
  if (!verdict.store) return ofTheRequest.has(verdict.detail);
  return verdict.directives.noCache !== true && verdict.lifetimeMs > 0;
}

function askOrigin(
  read: Read,
  decision: Forward,
  reply: Reply | undefined,
  signal: AbortSignal,
): Promise<OriginResponse> {
  const { request, route } = read;
  const query = keyedQuery(request.target.query, route.policy.cache);
  return route.origin.fetch({
    method: request.method,
    target: query === '' ? request.target.path : `${request.target.path}?${query}`,
    // A response for credentials of its own is the origin's to condition; the gateway has nothing to compare.
    headers:
      decision.fwd === 'bypass'
        ? ownFields(request, route.policy)
        : fillFields(request, route.policy, conditionsOf(decision)),
    signal,
    onInterim: reply === undefined ? undefined : (status, lines) => reply.interim(status, endToEnd(lines)),
  });
}

/** What is asked of the origin beside the client's own question. */
function conditionsOf({ stored, range, part }: Forward): readonly string[] {
  if (range !== undefined) return ['Range', range];
  if (part !== undefined) return completionFields(part) ?? [];
  return stored === undefined ? [] : revalidationFields(stored.headers);
}

/** The rest of a stored part has been asked for: the whole, if it has come. */
async function completion(
  ports: ReadPorts,
  context: FillContext,
  answer: OriginResponse,
): Promise<StoredResponse | undefined> {
  const headers = new Fields(endToEnd(answer.headers.lines));
  const verdict = judge(context, answer.status, headers, true);
  const read = verdict.store && answer.status === 206 ? await readUpTo(answer.body, ports.maxEntryBytes) : undefined;
  if (!verdict.store || read === undefined || !('whole' in read) || !answer.isDelimited()) {
    answer.body.destroy();
    return undefined;
  }
  const form = storedForm(ports, context, { status: 206, headers, body: read.whole, verdict });
  return 'unstorable' in form || form.part !== undefined ? undefined : form;
}

/** Answers with a representation whose last missing octets have just come. */
function joined(
  ports: ReadPorts,
  { read }: FillContext,
  decision: Forward,
  response: StoredResponse,
  flight: Flight | undefined,
  reply: Reply | undefined,
): ReadOutcome {
  const refusal = keep(ports, read, response);
  if (refusal === undefined && decision.part !== undefined) ports.store.remove(decision.part);
  flight?.land({ kind: 'response', response, stored: refusal === undefined });
  if (reply !== undefined) {
    const status = { fwd: decision.fwd, fwdStatus: 206, stored: refusal === undefined, detail: refusal };
    respond(read.request, reply, response, status, currentAgeMs(response, ports.clock.wall()));
  }
  return { outcome: 'miss', detail: refusal };
}

function giveUp(
  ports: ReadPorts,
  read: Read,
  decision: Forward,
  flight: Flight | undefined,
  reply: Reply | undefined,
  error: unknown,
): ReadOutcome {
  flight?.land({ kind: 'failed', error });
  if (reply?.gone === true) return { outcome: 'error', detail: 'client gone' };
  ports.failed(error, read);
  if (reply !== undefined) {
    if (decision.stored !== undefined && serveOnError(ports, read, { ...decision, stored: decision.stored }, reply)) {
      return { outcome: 'stale', detail: 'stale-if-error' };
    }
    reply.fail(asGatewayError(error), statusLines({ fwd: decision.fwd, detail: decision.detail }));
  }
  return { outcome: 'error', detail: asGatewayError(error).code };
}
