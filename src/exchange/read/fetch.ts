import { asGatewayError } from '../../errors.ts';
import { endToEnd } from '../../http/connection.ts';
import { Fields } from '../../http/fields.ts';
import { isIncremental } from '../../http/incremental.ts';
import { isErrorStatus } from '../../http/stale.ts';
import { confirmsOctets, revalidationFields, selectsForFreshening, strongTagOf } from '../../http/validation.ts';
import type { StoredResponse } from '../../store/stored-response.ts';
import { askOrigin, enterShare, whenGone } from '../ask-origin.ts';
import { forwardedQuery } from '../cache-key.ts';
import { statusLines } from '../cache-status-lines.ts';
import { fillFields, hasConditions, hasUnkeyed, ownFields } from '../forward.ts';
import { type Place, Waiting } from '../origin-shares.ts';
import type { ClientRequest, OriginResponse, ReadOutcome } from '../ports.ts';
import { completed } from './completed.ts';
import { type Forward, NOT_SERVING } from './decide.ts';
import type { Asked, Fetching } from './fetching.ts';
import { Fill } from './fill.ts';
import { learnFromHead, revalidated } from './freshening.ts';
import { fromTier, mayBeInTier } from './from-tier.ts';
import { type FillContext, judge, ofTheRequest, type Storability } from './judge.ts';
import { completionFields } from './part.ts';
import type { Read, ReadPorts } from './read-ports.ts';
import { serveOnError } from './serve-on-error.ts';

/**
 * Asks the origin, streams the answer to the client, and stores it if it may be stored. With a `flightKey`, other
 * requests may wait for the result. Without a `reply`, only they do (a revalidation in the background).
 */
export async function fetchAndStore(ports: ReadPorts, asked: Asked): Promise<ReadOutcome> {
  const { read, flightKey, reply, isOwn } = asked;
  const decision = withUnconfirmed(ports, read, asked.decision);
  // Invariant 1: must be read before anything is requested.
  const asOf = ports.fence.applied;
  const flight =
    flightKey === undefined
      ? undefined
      : ports.flights.begin(flightKey, { asOf, cursor: read.cursor }, read.request.client);
  const fetching: Fetching = { read, decision, flightKey, reply, isOwn, asOf, flight };
  try {
    if (flight !== undefined && mayBeInTier(ports, read, decision)) {
      const { outcome, fillLease } = await fromTier(ports, read, flight, reply);
      if (outcome !== undefined) return outcome;
      if (fillLease !== undefined) flight.holdLease(fillLease);
    }
    const requestedAt = ports.clock.wall();
    const answer = await forwardRead(fetching);
    const context = { read, asOf, requestedAt, respondedAt: ports.clock.wall() };
    const outcome = takeAnswer(ports, fetching, context, answer);
    return outcome instanceof Promise ? await outcome : outcome;
  } catch (error) {
    // Every failure must reach the client and the requests that wait for this flight.
    return giveUp(ports, fetching, error);
  }
}

/** A miss asks the origin whether the copy of a snapshot is current, if there is one. */
function withUnconfirmed({ store }: ReadPorts, { key, request }: Read, decision: Forward): Forward {
  const { fwd, stored, range } = decision;
  const isMiss = (fwd === 'uri-miss' || fwd === 'vary-miss') && stored === undefined && range === undefined;
  if (!isMiss || request.method !== 'GET' || decision.unconfirmed !== undefined) return decision;
  const unconfirmed = store.unconfirmed(key, request.headers);
  return unconfirmed === undefined ? decision : { ...decision, unconfirmed };
}

/** Uses an answer whose head has arrived. Nothing waits where its body has arrived, too, as with nearly every miss. */
function takeAnswer(
  ports: ReadPorts,
  fetching: Fetching,
  context: FillContext,
  answer: OriginResponse,
): ReadOutcome | Promise<ReadOutcome> {
  const { read, decision, flightKey, flight, reply } = fetching;
  const { stored, unconfirmed } = decision;
  const validated = stored ?? unconfirmed;
  if (answer.status === 304 && validated !== undefined) {
    if (answer.body.whole() === undefined) answer.body.stream().resume();
    const confirms = stored === undefined ? confirmsOctets : selectsForFreshening;
    if (confirms(validated.headers, answer.headers))
      return revalidated(ports, { ...fetching, stored: validated }, context, answer);
    // The 304 is for another response than the stored one (RFC 9111 §4.3.4). Ask again without conditions.
    flight?.land({ kind: 'unusable' });
    if (unconfirmed !== undefined) ports.store.remove(unconfirmed);
    return fetchAndStore(ports, { ...fetching, decision: { ...decision, stored: undefined, unconfirmed: undefined } });
  }
  // The origin has something else now.
  if (unconfirmed !== undefined && !isErrorStatus(answer.status)) ports.store.remove(unconfirmed);
  const { part } = decision;
  if (part !== undefined && (answer.status === 206 || answer.status === 416))
    return complete(ports, { ...fetching, part }, context, answer);
  if (isErrorStatus(answer.status) && stored !== undefined && reply !== undefined) {
    if (serveOnError(ports, read, { ...decision, stored }, { reply, fwdStatus: answer.status })) {
      answer.body.destroy();
      flight?.land({ kind: 'failed', error: asGatewayError(new Error(`the origin answered ${answer.status}`)) });
      return { outcome: 'stale', detail: 'stale-if-error' };
    }
  }
  const headers = new Fields(endToEnd(answer.headers.lines));
  if (read.request.method === 'HEAD' && stored !== undefined) {
    learnFromHead(ports, context, stored, { ...answer, headers });
  }
  const judged = judge(context, answer.status, headers, decision.range !== undefined);
  const unfit = unfitFor(read, decision, answer.status);
  const storability: Storability =
    unfit === undefined ? judged : { store: false, detail: unfit, directives: judged.directives };
  const streams = isIncremental(headers);
  const fill = new Fill(ports, fetching, { context, answer, headers, streams, storability, completes: undefined });
  // An error says nothing about the origin's next answer.
  if (flightKey !== undefined && !isForSharing(storability, streams) && !isErrorStatus(answer.status))
    ports.flights.markUnshared(flightKey);
  return fill.run();
}

/** Completes a stored part. If the answer is not the rest of it, asks for the whole. */
async function complete(
  ports: ReadPorts,
  fetching: Fetching & { part: StoredResponse },
  context: FillContext,
  answer: OriginResponse,
): Promise<ReadOutcome> {
  const outcome = await completed(ports, fetching, context, answer);
  if (outcome !== undefined) return outcome;
  // The part belongs to another representation.
  fetching.flight?.land({ kind: 'unusable' });
  return fetchAndStore(ports, { ...fetching, decision: { ...fetching.decision, part: undefined } });
}

/** Why an answer must not be stored because of how it was requested, whatever its own fields say. */
export function unfitFor(
  { request, route }: Read,
  { fwd, detail, range }: Forward,
  status: number,
): string | undefined {
  if (detail === NOT_SERVING) return NOT_SERVING;
  if (fwd === 'bypass') {
    // The key identifies no user, so the answer would be served to others that the key does not identify either.
    if (route.policy.cache.credentials === 'perUser') return 'credentials';
    // The client's conditions and the client address from a trusted proxy were forwarded, and neither is in the key.
    if (status !== 200 && hasConditions(request)) return 'conditional';
    if (request.trusted && hasUnkeyed(request, route.policy.cache)) return 'unkeyed';
  }
  // A range can cause errors that a request for the whole would not get, such as 416.
  if (range !== undefined && status !== 206 && status !== 200) return 'range';
  return undefined;
}

/**
 * Whether concurrent requests may share the answer. Not if each must validate it first (RFC 9111 §4), or wants it as it
 * arrives.
 */
function isForSharing(storability: Storability, streams: boolean): boolean {
  if (!storability.store) return ofTheRequest.has(storability.detail);
  return !streams && storability.directives.noCache !== true && storability.lifetimeMs > 0;
}

/** Asks the origin, when the request's turn has come. */
function forwardRead(fetching: Fetching): Promise<OriginResponse> {
  const { read, flight, reply, isOwn } = fetching;
  const entered = isOwn === true || flight?.isShared === true ? undefined : enterShare(read);
  if (!(entered instanceof Waiting)) return ask(fetching, entered);
  flight?.waits(entered);
  reply?.onGone(() => void (flight === undefined ? entered.giveUp() : flight.leave()));
  return entered.turn.then((place) => ask(fetching, place));
}

function ask({ read, decision, flight, reply }: Fetching, place: Place | undefined): Promise<OriginResponse> {
  const { request, route } = read;
  return askOrigin(read, {
    query: forwardedQuery(request.target.query, route.policy.cache),
    // A bypass forwards the client's own conditions: the gateway has no stored response to evaluate them against.
    headers:
      decision.fwd === 'bypass'
        ? ownFields(request, route.policy)
        : fillFields(request, route.policy, conditionsOf(decision, request)),
    // A flight continues when its client disconnects: other requests may wait for it.
    signal: flight === undefined ? whenGone(reply) : undefined,
    reply,
    place,
  });
}

/** The range or conditions that the gateway adds to the forwarded request. */
function conditionsOf({ stored, unconfirmed, range, part }: Forward, { content }: ClientRequest): readonly string[] {
  // RFC 9110 §13.1.2: for other methods than GET and HEAD, a condition that fails is an error.
  if (content !== undefined) return [];
  if (range !== undefined) return ['Range', range];
  if (part !== undefined) return completionFields(part) ?? [];
  if (stored !== undefined) return revalidationFields(stored);
  // Nobody knows what was invalidated since: only a tag of the octets can tell.
  const tag = unconfirmed && strongTagOf(unconfirmed.headers);
  return tag === undefined ? [] : ['If-None-Match', tag];
}

function giveUp(ports: ReadPorts, { read, decision, flight, reply }: Fetching, error: unknown): ReadOutcome {
  flight?.land({ kind: 'failed', error });
  if (reply?.gone === true) return { outcome: 'error', detail: 'client gone' };
  ports.failed(error, read);
  if (reply !== undefined) {
    const { stored } = decision;
    if (stored !== undefined && !reply.begun && serveOnError(ports, read, { ...decision, stored }, { reply })) {
      return { outcome: 'stale', detail: 'stale-if-error' };
    }
    reply.fail(asGatewayError(error), statusLines({ fwd: decision.fwd, detail: decision.detail }));
  }
  return { outcome: 'error', detail: asGatewayError(error).code };
}
