import { createHash } from 'node:crypto';
import type { CachePolicy } from '../config/model.ts';
import type { Fields } from '../http/fields.ts';
import { normaliseQuery, type SearchVariance } from '../http/no-vary-search.ts';
import { parameterName, selectQuery } from '../route/path.ts';
import type { ClientRequest } from './ports.ts';

/**
 * The cache key (RFC 9111 §2). Its parts are joined by line feeds, which can stand in none of them: a target, a host and a
 * field value hold no control characters, so that two different lists of parts never make one key.
 */
export function cacheKey(request: ClientRequest, policy: CachePolicy, variance?: SearchVariance): string {
  let key = `${request.scheme}://${request.host}${hostBeside(request)}\n${request.target.path}\n${queryKey(request.target.query, policy, variance)}`;
  for (const name of policy.key.headers) key += `\n${(request.headers.get(name) ?? '').trim()}`;
  if (policy.credentials === 'perUser') key += `\n${userKey(request.headers, policy.userKey)}`;
  return key;
}

/** The `Host` of a trusted proxy that names another as the one asked for: the origin is told both. No host holds a blank. */
function hostBeside({ trusted, host, headers }: ClientRequest): string {
  const sent = trusted ? headers.get('host')?.toLowerCase() : undefined;
  return sent === undefined || sent === host ? '' : ` ${sent}`;
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

/** A hash of the named credentials: the key is looked at by people, credentials must not be. */
function userKey(headers: Fields, names: readonly string[]): string {
  const values = names.map((name) =>
    name.startsWith('cookie:') ? cookie(headers.get('cookie') ?? '', name.slice(7)) : (headers.get(name) ?? null),
  );
  return createHash('sha256').update(JSON.stringify(values)).digest('base64url');
}

function cookie(header: string, name: string): string | null {
  for (const pair of header.split(';')) {
    const at = pair.indexOf('=');
    if (at > 0 && pair.slice(0, at).trim() === name) return pair.slice(at + 1).trim();
  }
  return null;
}
