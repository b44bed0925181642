import type { CachePolicy } from '../config/model.ts';
import { trimWhitespace } from '../http/list.ts';
import { normaliseQuery, type SearchVariance } from '../http/no-vary-search.ts';
import { parameterName, selectQuery } from '../route/path.ts';
import type { ClientRequest } from './ports.ts';
import { userKey } from './user-key.ts';

/**
 * The cache key (RFC 9111 §2). Its parts are joined by line feeds, which can stand in none of them: a target, a host and a
 * field value hold no control characters, so that two different lists of parts never make one key.
 */
export function cacheKey(request: ClientRequest, policy: CachePolicy, variance?: SearchVariance): string {
  let key = `${request.scheme}://${request.host}${spelledHost(request)}\n${request.target.path}\n${queryKey(request.target.query, policy, variance)}`;
  for (const name of policy.key.headers) key += `\n${keyedField(request.headers.get(name))}`;
  if (policy.credentials === 'perUser') key += `\n${userKey(request.headers, policy.userKey)}`;
  return key;
}

/** The `Host` of a trusted proxy that names another as the one asked for: the origin is told both. No host holds a blank. */
function spelledHost({ trusted, host, headers }: ClientRequest): string {
  const sent = trusted ? headers.get('host')?.toLowerCase() : undefined;
  return sent === undefined || sent === host ? '' : ` ${sent}`;
}

/** A field that is empty is not one that is absent, to some origins. Only HTTP's blanks are no part of a value (RFC 9110 §5.5). */
function keyedField(value: string | undefined): string {
  return value === undefined ? '' : `=${trimWhitespace(value)}`;
}

/** The value in the key; undefined for a field that the request did not have. */
export function valueOfKeyed(keyed: string): string | undefined {
  return keyed === '' ? undefined : keyed.slice(1);
}

/** The key of a part of what `key` names. A line feed ends no other key: see above. */
export function partKey(key: string): string {
  return `${key}\n\npart`;
}

/**
 * What is alike under one variance need not be under another: a response is found only by requests that its own
 * `No-Vary-Search` lets it answer, so the variance is in the key.
 */
function queryKey(query: string, policy: CachePolicy, variance: SearchVariance | undefined): string {
  const keyed = keyedQuery(query, policy);
  return variance === undefined ? keyed : `${normaliseQuery(keyed, variance)}\n${JSON.stringify(variance)}`;
}

/**
 * The part of the query that is in the key. The same is forwarded: a parameter that is not keyed must not reach the origin,
 * where it could change what is stored for everyone (cache poisoning by unkeyed input).
 */
export function keyedQuery(query: string, policy: CachePolicy): string {
  const { query: names, order } = policy.key;
  if (names !== undefined) return selectQuery(query, names);
  return order === 'sort' ? byName(query) : query;
}

/** In the order of their names; those of one name stay in theirs, which an origin may go by. */
function byName(query: string): string {
  const pairs = query.split('&').filter((pair) => pair !== '');
  const named = pairs.map((pair) => ({ pair, name: parameterName(pair) }));
  return named
    .sort((a, b) => (a.name < b.name ? -1 : a.name > b.name ? 1 : 0))
    .map(({ pair }) => pair)
    .join('&');
}
