import type { CachePolicy } from '../config/model.ts';
import { trimWhitespace } from '../http/list.ts';
import { normaliseQuery, type SearchVariance } from '../http/no-vary-search.ts';
import { parameterName, selectQuery } from '../route/path.ts';
import { credentialQuery, withoutCredentials } from './credentials.ts';
import type { ClientRequest } from './ports.ts';
import { hashed, userKey } from './user-key.ts';

/** What of a request may be in a key. */
type Keyed = Pick<ClientRequest, 'scheme' | 'host' | 'trusted' | 'headers' | 'target' | 'content'>;

/**
 * The cache key (RFC 9111 §2). Line feeds separate its parts. Targets, hosts and field values contain no control
 * characters, so two different lists of parts never make the same key.
 */
export function cacheKey(request: Keyed, policy: CachePolicy, variance?: SearchVariance): string {
  // Ahead of everything: no scheme looks like it.
  const content = request.content === undefined ? '' : `${request.content.key} `;
  const query = queryKey(request.target.query, policy, variance);
  let key = content + plainKey(siteOf(request), request.target.path, query);
  for (const name of policy.key.headers) key += `\n${keyedField(request.headers.get(name))}`;
  if (policy.credentials === 'perUser') key += `\n${userKey(request.headers, policy.userKey)}`;
  // Unlike a header field, a parameter makes it another URL: what the origin calls `public` is so for this one only.
  const secret = policy.credentials === 'shared' ? '' : credentialQuery(request.target.query, policy);
  if (secret !== '') key += `\n${hashed(secret)}`;
  return key;
}

/** The key of a request of which no header field, content, user or credential is in the key. */
export function plainKey(site: string, path: string, query: string): string {
  return `${site}\n${path}\n${query}`;
}

/** What the key has of whom a request asks, for which no policy matters. */
export function siteOf(request: Pick<ClientRequest, 'scheme' | 'host' | 'trusted' | 'headers'>): string {
  return `${request.scheme}://${request.host}${spelledHost(request)}`;
}

/**
 * The `Host` that a trusted proxy sent, if it forwards for another host: the origin sees both. The leading space is
 * unambiguous, since no host contains one.
 */
function spelledHost({ trusted, host, headers }: Pick<ClientRequest, 'trusted' | 'host' | 'headers'>): string {
  const sent = trusted ? headers.get('host')?.toLowerCase() : undefined;
  return sent === undefined || sent === host ? '' : ` ${sent}`;
}

/**
 * Distinguishes an empty field from an absent one, as some origins do. Only spaces and tabs are trimmed: other
 * whitespace is part of the value (RFC 9110 §5.5).
 */
function keyedField(value: string | undefined): string {
  return value === undefined ? '' : `=${trimWhitespace(value)}`;
}

/** Reads a field's value back from the key; undefined if the request did not have the field. */
export function valueOfKeyed(keyed: string): string | undefined {
  return keyed === '' ? undefined : keyed.slice(1);
}

/** The key under which a partial response is stored. No key of a complete response has this form. */
export function partKey(key: string): string {
  return `${key}\n\npart`;
}

/**
 * Queries that are equivalent under one variance may differ under another. The variance is therefore part of the key,
 * and a request finds a response only if that response's own `No-Vary-Search` allows it.
 */
function queryKey(query: string, policy: CachePolicy, variance: SearchVariance | undefined): string {
  const keyed = keyedQuery(query, policy);
  return variance === undefined ? keyed : `${normaliseQuery(keyed, variance)}\n${JSON.stringify(variance)}`;
}

/** The part of the query that is in the key as it stands. Credentials are there as a hash, if at all. */
export function keyedQuery(query: string, policy: CachePolicy): string {
  return withoutCredentials(forwardedQuery(query, policy), policy);
}

/**
 * The part of the query that is forwarded: what is in the key, and credentials. Any other parameter could change the
 * response that the origin returns, and the changed response would be stored for everyone (cache poisoning by unkeyed
 * input).
 */
export function forwardedQuery(query: string, policy: CachePolicy): string {
  const { query: names, order } = policy.key;
  if (names !== undefined) return selectQuery(query, [...new Set([...names, ...policy.credentialParams])]);
  return order === 'sort' ? byName(query) : query;
}

/** Sorts parameters by name. Parameters of the same name keep their order, which may matter to the origin. */
function byName(query: string): string {
  const pairs = query.split('&').filter((pair) => pair !== '');
  const named = pairs.map((pair) => ({ pair, name: parameterName(pair) }));
  return named
    .sort((a, b) => (a.name < b.name ? -1 : a.name > b.name ? 1 : 0))
    .map(({ pair }) => pair)
    .join('&');
}
