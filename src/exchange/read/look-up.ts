import type { CacheControl } from '../../http/cache-control.ts';
import { endToEnd } from '../../http/connection.ts';
import { Fields, without } from '../../http/fields.ts';
import { requestDirectives } from '../../http/request-directives.ts';
import { hasCredentials } from '../../http/storable.ts';
import { selectingValues } from '../../http/vary.ts';
import type { StoredResponse } from '../../store/stored-response.ts';
import { cacheKey } from '../cache-key.ts';
import type { ClientRequest, Route } from '../ports.ts';
import { isIdentified } from '../user-key.ts';
import { type Decision, decide, NOT_SERVING } from './decide.ts';
import type { Read, ReadPorts } from './read-ports.ts';
import { varianceOf } from './search-variances.ts';

/** What `routes` found for a request. */
export interface Found {
  readonly route: Route;
  readonly params: Readonly<Record<string, string>>;
}

export function stateOf(ports: ReadPorts, { route, params }: Found, asked: ClientRequest): Read {
  const received = endToEndRequest(asked);
  const request = route.policy.cache.cookies === 'ignore' ? withoutCookies(received) : received;
  const key = cacheKey(request, route.policy.cache, ports.variances.of(request));
  const { cache } = route.policy;
  const credentials =
    cache.credentials === 'perUser' ? !isIdentified(request.headers, cache) : hasCredentials(request.headers);
  return { request, route, params, key, credentials, arrived: ports.fence.applied };
}

/**
 * The request without what `Connection` names (RFC 9110 §7.6.1): the origin does not get to see it, so it must select no
 * variant. Otherwise `Connection: accept-language` would have the default language stored for those who ask for German.
 */
function endToEndRequest(request: ClientRequest): ClientRequest {
  const connection = request.headers.get('connection');
  if (connection === undefined || /^[ \t]*(?:keep-alive|close)[ \t]*$/i.test(connection)) return request;
  return { ...request, headers: new Fields(endToEnd(request.headers.lines)) };
}

/** What is not to tell responses apart must not reach the origin either: it would change what is stored for all. */
function withoutCookies(request: ClientRequest): ClientRequest {
  if (!request.headers.has('cookie')) return request;
  return { ...request, headers: new Fields(without(request.headers.lines, (name) => name === 'cookie')) };
}

export function lookUp(ports: ReadPorts, { request, route, credentials, ...state }: Read, key = state.key): Decision {
  const policy = route.policy.cache;
  const stored = ports.store.select(key, request.headers);
  const decision = decide({
    policy,
    stored,
    otherVariant: stored === undefined && ports.store.varyOf(key) !== undefined,
    credentials,
    directives: directivesOf({ request, route }),
    now: ports.clock.wall(),
  });
  // Invariant 8: it finds nothing, and waits for nobody's fill.
  if (decision.kind !== 'forward' || ports.serving()) return decision;
  return { kind: 'forward', fwd: 'bypass', stored: undefined, detail: NOT_SERVING };
}

/** What the client asks of caches; undefined where the route ignores that. */
export function directivesOf({ request, route }: Pick<Read, 'request' | 'route'>): CacheControl | undefined {
  return route.policy.cache.requestDirectives === 'honour' ? requestDirectives(request.headers) : undefined;
}

/** Requests that select one variant wait for one fill; before any variant is known, all of a key's do. */
export function flightKeyOf(state: Read, vary: readonly string[] | undefined): string {
  const parts = [state.key, state.credentials ? 'credentials' : ''];
  return vary === undefined ? parts.join('\n') : [...parts, ...selectingValues(vary, state.request.headers)].join('\n');
}

/** The key of a request by what `response`, of the same path, says of queries (`No-Vary-Search`). */
export function keyOfVariant({ key, request, route }: Read, response: StoredResponse): string {
  return response.key === key ? key : cacheKey(request, route.policy.cache, varianceOf(response.headers));
}
