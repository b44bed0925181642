import { severalQueriesTag } from '../coherence/tag.ts';
import { isCredential } from '../http/credentials.ts';
import { Fields, without } from '../http/fields.ts';
import { matchesVary, selectAlike, selectingFields, selectingValues } from '../http/vary.ts';
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
 * would send it. Undefined for responses that such a request cannot be rebuilt for, and those that are not a 200.
 */
export function replayOf(stored: StoredResponse, write: ClientRequest, routes: RouteTable): Replay | undefined {
  const replay = stored.status === 200 ? rebuilt(stored, write, routes) : undefined;
  return typeof replay === 'object' ? replay : undefined;
}

/**
 * The same for a stored response of any status, or why no request can be rebuilt: that is so for those of one user,
 * those that vary by credentials, partial responses, and those that stand for several queries.
 */
export function rebuilt(stored: StoredResponse, asker: ClientRequest, routes: RouteTable): Replay | string {
  const { route, params } = routes.find(stored.path);
  const { cache } = route.policy;
  if (stored.part !== undefined) return 'a part of a representation is stored';
  if (cache.off) return 'its route does not cache';
  if (cache.credentials === 'perUser') return 'it is kept for one user, and needs his credentials';
  if (stored.tags.includes(severalQueriesTag(stored.path))) return 'it stands for several queries (No-Vary-Search)';
  const isSecret = (name: string): boolean => isCredential(name, cache.credentialHeaders);
  const secret = stored.vary.find(isSecret);
  if (secret !== undefined) return `it varies by credentials (${secret})`;
  const [base = '', path = '', query = '', ...keyed] = stored.key.split('\n');
  const [scheme, host] = base.split('://');
  if ((scheme !== 'http' && scheme !== 'https') || host === undefined)
    return 'it answers a request with a body (reads)';
  const lines = ['Host', host];
  for (const [i, name] of cache.key.headers.entries()) {
    const value = valueOfKeyed(keyed[i] ?? '');
    if (value !== undefined) lines.push(name, value);
  }
  const selecting = selectingFields(stored.vary, stored.selecting);
  if (selecting === undefined) return 'a field that it varies by was kept as a digest alone';
  lines.push(...without(selecting, (name) => cache.key.headers.includes(name)));
  // The response is the same for everyone who may see it, so the asker's credentials may fetch it again.
  const shared = cache.credentials === 'shared';
  const isShared = (name: string): boolean => (shared ? isSecret(name) : cache.sharedCredentials.includes(name));
  lines.push(...without(asker.headers.lines, (name) => !isShared(name)));
  const request: ClientRequest = {
    ...asker,
    method: 'GET',
    scheme,
    host,
    target: {
      path,
      resource: stored.path,
      query: shared ? withCredentialsOf(asker.target.query, query, cache) : query,
    },
    headers: new Fields(lines),
  };
  const same =
    cacheKey(request, cache) === stored.key &&
    matchesVary(stored.vary, stored.selecting, request.headers, stored.language);
  return same ? { stored, route, params, request } : 'its key holds credentials, or a host that only a proxy knows';
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
  return selectAlike(selectingValues(stored.vary, headers), stored.selecting);
}
