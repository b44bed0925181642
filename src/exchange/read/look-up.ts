import type { CacheControl } from '../../http/cache-control.ts';
import { endToEnd } from '../../http/connection.ts';
import { Fields } from '../../http/fields.ts';
import { requestDirectives } from '../../http/request-directives.ts';
import { selectingValues } from '../../http/vary.ts';
import type { StoredResponse } from '../../store/stored-response.ts';
import { cacheKey } from '../cache-key.ts';
import { hasCredentials, withoutIdleCookies } from '../credentials.ts';
import type { ClientRequest, Route } from '../ports.ts';
import { isIdentified } from '../user-key.ts';
import { type Decision, decide, forward, NOT_SERVING } from './decide.ts';
import type { Read, ReadPorts } from './read-ports.ts';
import { varianceOf } from './search-variances.ts';

/** The route of a request, with the values of its path parameters. */
export interface Found {
  readonly route: Route;
  readonly params: Readonly<Record<string, string>>;
}

export function stateOf(
  ports: Pick<ReadPorts, 'fence' | 'variances' | 'serving' | 'cursor'>,
  { route, params }: Found,
  asked: ClientRequest,
): Read {
  const received = endToEndRequest(asked);
  const request = withoutIdleCookies(received, route.policy.cache);
  const key = cacheKey(request, route.policy.cache, ports.variances.of(request));
  const { cache } = route.policy;
  const credentials = cache.credentials === 'perUser' ? !isIdentified(request, cache) : hasCredentials(request, cache);
  // A node that is not serving does not know how far it is behind.
  const cursor = route.policy.client.eventCursor && ports.serving() ? ports.cursor() : undefined;
  return { request, route, params, key, credentials, arrived: ports.fence.applied, cursor };
}

/**
 * The request without the fields that `Connection` names (RFC 9110 §7.6.1). The origin does not receive them, so they
 * must not select a variant. Otherwise `Connection: accept-language` would store the default language as the variant of
 * the language that the client names.
 */
function endToEndRequest(request: ClientRequest): ClientRequest {
  const connection = request.headers.get('connection');
  if (connection === undefined || /^[ \t]*(?:keep-alive|close)[ \t]*$/i.test(connection)) return request;
  return { ...request, headers: new Fields(endToEnd(request.headers.lines)) };
}

export function lookUp(ports: Pick<ReadPorts, 'store' | 'clock' | 'serving'>, state: Read, key = state.key): Decision {
  const { request, route, credentials } = state;
  const policy = route.policy.cache;
  const stored = ports.store.select(key, request.headers);
  const decision = decide({
    policy,
    stored,
    otherVariant: stored === undefined && ports.store.varyOf(key) !== undefined,
    credentials,
    directives: directivesOf(state),
    now: ports.clock.wall(),
  });
  // Invariant 8: a node that is not serving uses no stored response and waits for no fill.
  if (decision.kind !== 'forward' || ports.serving()) return decision;
  return forward('bypass', undefined, NOT_SERVING);
}

/** The request's cache directives; undefined if the route ignores them. */
export function directivesOf({ request, route }: Pick<Read, 'request' | 'route'>): CacheControl | undefined {
  return route.policy.cache.requestDirectives === 'honour' ? requestDirectives(request.headers) : undefined;
}

/** No key holds it, and no value of a field. */
const BEHIND_KEY = '\u0000';

/** Requests for the same variant share one fill. Before a variant is known, all requests for the key share one. */
export function flightKeyOf(
  state: Pick<Read, 'key' | 'credentials' | 'request'>,
  vary: readonly string[] | undefined,
): string {
  const { key, credentials, request } = state;
  // Nearly all are of the key alone, which needs no text of its own.
  if (!credentials && (vary === undefined || vary.length === 0)) return key;
  const values = vary === undefined ? [] : selectingValues(vary, request.headers);
  return [key, credentials ? 'credentials' : '', ...values].join(BEHIND_KEY);
}

/** The key of a request under the `No-Vary-Search` of `response`, which is of the same path. */
export function keyOfVariant({ key, request, route }: Read, response: StoredResponse): string {
  return response.key === key ? key : cacheKey(request, route.policy.cache, varianceOf(response.headers));
}
