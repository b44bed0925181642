import { severalQueriesTag } from '../coherence/tag.ts';
import { isCredential } from '../http/credentials.ts';
import { Fields, without } from '../http/fields.ts';
import { matchesVary, selectingFields, selectingValues } from '../http/vary.ts';
import type { StoredResponse } from '../store/stored-response.ts';
import { cacheKey, valueOfKeyed } from './cache-key.ts';
import { hasCredentials, withCredentialsOf, withoutIdleCookies } from './credentials.ts';
import type { ClientRequest, Route, RouteTable } from './ports.ts';

/** A stored response together with a request that it answers. */
export interface Replay {
  readonly stored: StoredResponse;
  readonly route: Route;
  readonly params: Readonly<Record<string, string>>;
  readonly request: ClientRequest;
}

/**
 * Rebuilds a request that the stored response answers, from the key and the selecting fields, as the client of `write`
 * would send it. Undefined for responses from which no such request can be rebuilt: those of one user, those that vary
 * by credentials, partial responses, and those that stand for several queries.
 */
export function replayOf(stored: StoredResponse, write: ClientRequest, routes: RouteTable): Replay | undefined {
  const { route, params } = routes.find(stored.path);
  const { cache } = route.policy;
  if (stored.part !== undefined || stored.status !== 200 || cache.off || cache.credentials === 'perUser')
    return undefined;
  if (stored.tags.includes(severalQueriesTag(stored.path))) return undefined;
  const isSecret = (name: string): boolean => isCredential(name, cache.credentialHeaders);
  if (stored.vary.some(isSecret)) return undefined;
  const [base = '', path = '', query = '', ...keyed] = stored.key.split('\n');
  const [scheme, host] = base.split('://');
  if ((scheme !== 'http' && scheme !== 'https') || host === undefined) return undefined;
  const lines = ['Host', host];
  for (const [i, name] of cache.key.headers.entries()) {
    const value = valueOfKeyed(keyed[i] ?? '');
    if (value !== undefined) lines.push(name, value);
  }
  const selecting = selectingFields(stored.vary, stored.selecting);
  if (selecting === undefined) return undefined;
  lines.push(...without(selecting, (name) => cache.key.headers.includes(name)));
  // The response is the same for everyone who may see it, so the writer's credentials may fetch it again.
  const shared = cache.credentials === 'shared';
  const isShared = (name: string): boolean => (shared ? isSecret(name) : cache.sharedCredentials.includes(name));
  lines.push(...without(write.headers.lines, (name) => !isShared(name)));
  const request: ClientRequest = {
    ...write,
    method: 'GET',
    scheme,
    host,
    target: {
      path,
      resource: stored.path,
      query: shared ? withCredentialsOf(write.target.query, query, cache) : query,
    },
    headers: new Fields(lines),
  };
  const same =
    cacheKey(request, cache) === stored.key &&
    matchesVary(stored.vary, stored.selecting, request.headers, stored.language);
  return same ? { stored, route, params, request } : undefined;
}

/**
 * Whether a read with the scheme, host and fields of `write` would have selected this very response. A write says
 * nothing about responses that other clients select.
 */
export function asksAlike({ stored, route, request }: Replay, write: ClientRequest): boolean {
  const { cache } = route.policy;
  const { scheme, host, headers } = withoutIdleCookies(write, cache);
  const target = { ...request.target, query: withCredentialsOf(write.target.query, request.target.query, cache) };
  if (cacheKey({ ...request, scheme, host, target, headers }, cache) !== stored.key) return false;
  // RFC 9111 §3.5: the answer to a client with credentials may hold more than other clients may see.
  if (hasCredentials({ headers, target }, cache) && cache.credentials === 'bypass' && !stored.shareable) return false;
  const values = selectingValues(stored.vary, headers);
  return values.every((value, i) => value === stored.selecting[i]);
}
