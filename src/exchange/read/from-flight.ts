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
import type { FlightResult } from './flights.ts';
import { directivesOf } from './look-up.ts';
import type { Read, ReadPorts } from './read-ports.ts';
import { respond } from './respond.ts';
import { serveOnError } from './serve-on-error.ts';
/** Answers a request that waited from the fill it waited for, where invariant 2 and the response itself allow it. */
export function fromFlight(
  ports: ReadPorts,
  state: Read,
  decision: Decision & { kind: 'forward' },
  flight: { result: FlightResult; asOf: Position },
  reply: Reply,
): ReadOutcome | undefined {
  const { result } = flight;
  if (result.kind === 'unusable') return undefined;
  if (result.kind === 'failed') {
    if (decision.stored !== undefined && serveOnError(ports, state, { ...decision, stored: decision.stored }, reply)) {
      return { outcome: 'stale', detail: 'stale-if-error' };
    }
    reply.fail(asGatewayError(result.error), statusLines({ fwd: decision.fwd, collapsed: true }));
    return { outcome: 'error', detail: 'collapsed' };
  }
  const { response } = result;
  // Both requests had one key by what an earlier answer said of queries; this answer may say something else.
  if (response.key !== state.key) return undefined;
  // Invariant 2: this request arrived at `a`, the fill began at `s`; a record in between may have made it wrong.
  // What is in quarantine may have changed since without a record: a late write, of which the next one to the resource knew nothing.
  const shared = ports.fence.admits(response, flight.asOf) && !ports.fence.isQuarantined(response);
  if (flight.asOf < state.arrived && !shared) return undefined;
  if (!matchesVary(response.vary, response.selecting, state.request.headers, response.language)) return undefined;
  if (state.credentials && mayNotShare(state.route.policy.cache, response)) return undefined;
  if (!isReusable(response, directivesOf(state))) return undefined;
  const status = { fwd: decision.fwd, collapsed: true as const, stored: result.stored };
  respond(state.request, reply, response, status, currentAgeMs(response, ports.clock.wall()));
  return { outcome: 'collapsed', detail: undefined };
}

/**
 * Whether a response that has just come may answer those who waited for it (RFC 9111 §4): not one that has to be validated for
 * each. The time that the origin took is not held against it: it is what they have waited for.
 */
function isReusable({ directives, headers, lifetimeMs }: StoredResponse, asked: CacheControl | undefined): boolean {
  if (directives.noCache === true) return false;
  const ageMs = parseAge(headers.get('age')) * 1000;
  if (asked === undefined) return ageMs < lifetimeMs;
  return requestAllows(asked, { ageMs, lifetimeMs }).reuse && (ageMs < lifetimeMs || !prohibitsStale(directives));
}
