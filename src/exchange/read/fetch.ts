import { asGatewayError } from '../../errors.ts';
import { endToEnd } from '../../http/connection.ts';
import { Fields } from '../../http/fields.ts';
import { isErrorStatus } from '../../http/stale.ts';
import { revalidationFields, selectsForFreshening } from '../../http/validation.ts';
import { keyedQuery } from '../cache-key.ts';
import { statusLines } from '../cache-status-lines.ts';
import { fillFields, hasConditions, hasUnkeyed, ownFields } from '../forward.ts';
import type { OriginResponse, ReadOutcome } from '../ports.ts';
import { completed } from './completed.ts';
import { type Forward, NOT_SERVING } from './decide.ts';
import type { Asked, Fetching } from './fetching.ts';
import { Fill } from './fill.ts';
import type { Flight } from './flights.ts';
import { learnFromHead, revalidated } from './freshening.ts';
import { fromTier, mayBeInTier } from './from-tier.ts';
import { type FillContext, judge, ofTheRequest, type Storability } from './judge.ts';
import { completionFields } from './part.ts';
import type { Read, ReadPorts } from './read-ports.ts';
import { serveOnError } from './serve-on-error.ts';

/**
 * Asks the origin, answers the client while the body arrives, and stores what may be stored. With a `flightKey` others may
 * wait for the result; without a `reply` nobody but them does (a revalidation behind).
 */
export async function fetchAndStore(ports: ReadPorts, asked: Asked): Promise<ReadOutcome> {
  const { read, decision, flightKey, reply } = asked;
  // Invariant 1: noted before anyone is asked for anything.
  const asOf = ports.fence.applied;
  let flight = flightKey === undefined ? undefined : ports.flights.begin(flightKey, asOf);
  try {
    if (flight !== undefined && mayBeInTier(ports, read, decision)) {
      const { outcome, fillLease } = await fromTier(ports, read, flight, reply);
      if (outcome !== undefined) return outcome;
      if (fillLease !== undefined) flight = withFillLease(flight, fillLease);
    }
    return await askAndStore(ports, { ...asked, asOf, flight });
  } catch (error) {
    // Whatever fails, wherever: those who wait for this, and the client, must hear of it.
    return giveUp(ports, { ...asked, asOf, flight }, error);
  }
}

/**
 * Nothing is stored after a flight has landed. So that is when the fill lease is given back, and not when a slow client has read
 * everything: other nodes would wait for nothing.
 */
function withFillLease(flight: Flight, giveBack: () => void): Flight {
  let held = true;
  const land: Flight['land'] = (result) => {
    flight.land(result);
    if (held) giveBack();
    held = false;
  };
  return { ...flight, land };
}

async function askAndStore(ports: ReadPorts, fetching: Fetching): Promise<ReadOutcome> {
  const { read, decision, asOf, flightKey, flight, reply } = fetching;
  const requestedAt = ports.clock.wall();
  const answer = await askOrigin(fetching);
  const context: FillContext = { read, asOf, requestedAt, respondedAt: ports.clock.wall() };
  const { stored } = decision;
  if (answer.status === 304 && stored !== undefined) {
    answer.body.resume();
    if (!selectsForFreshening(stored.headers, answer.headers)) {
      // It is about another response than the one that was asked about (RFC 9111 §4.3.4): asked again without conditions.
      flight?.land({ kind: 'unusable' });
      return fetchAndStore(ports, { ...fetching, decision: { ...decision, stored: undefined } });
    }
    return revalidated(ports, { ...fetching, stored }, context, answer);
  }
  if (decision.part !== undefined && (answer.status === 206 || answer.status === 416)) {
    const outcome = await completed(ports, { ...fetching, part: decision.part }, context, answer);
    if (outcome !== undefined) return outcome;
    // Not of the same representation after all: asked for as a whole.
    flight?.land({ kind: 'unusable' });
    return fetchAndStore(ports, { ...fetching, decision: { ...decision, part: undefined } });
  }
  if (isErrorStatus(answer.status) && stored !== undefined && reply !== undefined) {
    if (serveOnError(ports, read, { ...decision, stored }, reply, answer.status)) {
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
  const fill = new Fill(ports, fetching, { context, answer: { ...answer, headers }, storability });
  // An origin that fails says nothing of what it will answer.
  if (flightKey !== undefined && !isForSharing(storability) && !isErrorStatus(answer.status))
    ports.flights.markUnshared(flightKey);
  return fill.run();
}

/** Why an answer is not for others, whatever it says of itself: it was asked for in a way that is not theirs. */
function unfitFor({ request, route }: Read, { fwd, detail, range }: Forward, status: number): string | undefined {
  if (detail === NOT_SERVING) return NOT_SERVING;
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
function isForSharing(storability: Storability): boolean {
  if (!storability.store) return ofTheRequest.has(storability.detail);
  return storability.directives.noCache !== true && storability.lifetimeMs > 0;
}

function askOrigin({ read, decision, flight, reply }: Fetching): Promise<OriginResponse> {
  const { request, route } = read;
  const abort = new AbortController();
  // Nobody else waits: an answer for a client that has left is not worth the origin's work.
  if (flight === undefined) reply?.onGone(() => abort.abort());
  const query = keyedQuery(request.target.query, route.policy.cache);
  return route.origin.fetch({
    method: request.method,
    target: query === '' ? request.target.path : `${request.target.path}?${query}`,
    // A response for credentials of its own is the origin's to condition; the gateway has nothing to compare.
    headers:
      decision.fwd === 'bypass'
        ? ownFields(request, route.policy)
        : fillFields(request, route.policy, conditionsOf(decision)),
    signal: abort.signal,
    onInterim: reply === undefined ? undefined : (status, lines) => reply.interim(status, endToEnd(lines)),
  });
}

/** What is asked of the origin beside the client's own question. */
function conditionsOf({ stored, range, part }: Forward): readonly string[] {
  if (range !== undefined) return ['Range', range];
  if (part !== undefined) return completionFields(part) ?? [];
  return stored === undefined ? [] : revalidationFields(stored);
}

function giveUp(ports: ReadPorts, { read, decision, flight, reply }: Fetching, error: unknown): ReadOutcome {
  flight?.land({ kind: 'failed', error });
  if (reply?.gone === true) return { outcome: 'error', detail: 'client gone' };
  ports.failed(error, read);
  if (reply !== undefined) {
    const { stored } = decision;
    if (stored !== undefined && !reply.begun && serveOnError(ports, read, { ...decision, stored }, reply)) {
      return { outcome: 'stale', detail: 'stale-if-error' };
    }
    reply.fail(asGatewayError(error), statusLines({ fwd: decision.fwd, detail: decision.detail }));
  }
  return { outcome: 'error', detail: asGatewayError(error).code };
}
