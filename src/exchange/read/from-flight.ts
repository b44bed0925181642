import type { Fence } from '../../coherence/fence.ts';
import type { Position } from '../../coherence/record.ts';
import { asGatewayError } from '../../errors.ts';
import type { CacheControl } from '../../http/cache-control.ts';
import { currentAgeMs, parseAge } from '../../http/freshness.ts';
import { requestAllows } from '../../http/request-directives.ts';
import { prohibitsStale } from '../../http/stale.ts';
import { matchesVary } from '../../http/vary.ts';
import type { StoredResponse } from '../../store/stored-response.ts';
import { statusLines } from '../cache-status-lines.ts';
import type { ReadOutcome, Reply } from '../ports.ts';
import type { Decision } from './decide.ts';
import { mayNotShare } from './decide.ts';
import type { Flight, FlightResult } from './flights.ts';
import { directivesOf } from './look-up.ts';
import type { Read, ReadPorts } from './read-ports.ts';
import { respond } from './respond.ts';
import { serveOnError } from './serve-on-error.ts';

/** The result of a fill that a request waited for, with the decision to forward that request. */
interface Landed {
  readonly decision: Decision & { kind: 'forward' };
  readonly result: FlightResult;
  readonly flight: Pick<Flight, 'asOf' | 'cursor'>;
}

/** Answers a request from the fill that it waited for, if invariant 2 and the response itself allow it. */
export function fromFlight(
  ports: ReadPorts,
  state: Read,
  { decision, result, flight }: Landed,
  reply: Reply,
): ReadOutcome | undefined {
  if (result.kind === 'unusable') return undefined;
  if (result.kind === 'failed') {
    if (
      decision.stored !== undefined &&
      serveOnError(ports, state, { ...decision, stored: decision.stored }, { reply })
    ) {
      return { outcome: 'stale', detail: 'stale-if-error' };
    }
    reply.fail(asGatewayError(result.error), statusLines({ fwd: decision.fwd, collapsed: true }));
    return { outcome: 'error', detail: 'collapsed' };
  }
  const { response } = result;
  if (!answersAlso(ports.fence, state, response, flight.asOf)) return undefined;
  const status = { fwd: decision.fwd, collapsed: true as const, stored: result.stored };
  const ageMs = currentAgeMs(response, ports.clock.wall());
  // Not this request's own: the fill began earlier, and what came in between need not cover its response.
  respond(state.request, reply, response, { status, ageMs, cursor: flight.cursor });
  return { outcome: 'collapsed', detail: undefined };
}

/** Whether the response of a fill that began at `asOf` may answer a request that arrived while it was under way. */
export function answersAlso(fence: Fence, state: Read, response: StoredResponse, asOf: Position): boolean {
  // Both requests had the same key under the previous `No-Vary-Search`. This answer may have another one.
  if (response.key !== state.key) return false;
  // Invariant 2: a record between the start of the fill and the arrival of this request may cover the response. A
  // response in quarantine may have changed without a record: an indeterminate write may have been applied late.
  const shared = fence.admits(response, asOf) && !fence.isQuarantined(response);
  if (asOf < state.arrived && !shared) return false;
  if (!matchesVary(response.vary, response.selecting, state.request.headers, response.language)) return false;
  if (state.credentials && mayNotShare(state.route.policy.cache, response)) return false;
  return isReusable(response, directivesOf(state));
}

/**
 * Whether a response that has just arrived may answer the requests that waited for it (RFC 9111 §4). Not if it must be
 * validated for each request. The origin's response time does not count towards its age here: they waited for it.
 */
function isReusable({ directives, headers, lifetimeMs }: StoredResponse, asked: CacheControl | undefined): boolean {
  if (directives.noCache === true) return false;
  const ageMs = parseAge(headers.get('age')) * 1000;
  if (asked === undefined) return ageMs < lifetimeMs;
  return requestAllows(asked, { ageMs, lifetimeMs }).reuse && (ageMs < lifetimeMs || !prohibitsStale(directives));
}
