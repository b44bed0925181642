import type { CachePolicy } from '../config/model.ts';
import { isCredential } from '../http/credentials.ts';
import { Fields, without } from '../http/fields.ts';
import { isNamed, withoutCookies } from '../http/idle-cookies.ts';
import { dropFromQuery, selectQuery } from '../route/path.ts';
import type { ClientRequest } from './ports.ts';

type Asking = Pick<ClientRequest, 'headers' | 'target'>;

/**
 * The request carries credentials: what answers it may be for one user alone. Not those of which the policy says that
 * they are shared; another spelling of such a name may be another field to the origin.
 */
export function hasCredentials({ headers, target }: Asking, policy: CachePolicy): boolean {
  for (const name of headers.names())
    if (isCredential(name, policy.credentialHeaders) && !policy.sharedCredentials.includes(name)) return true;
  return credentialQuery(target.query, policy) !== '';
}

/**
 * The request without the cookies that say nothing. What is ignored in the key must not reach the origin either: it
 * could change a response stored for all.
 */
export function withoutIdleCookies<Request extends Pick<ClientRequest, 'headers'>>(
  request: Request,
  { cookies, idleCookies, userKey }: CachePolicy,
): Request {
  if (!request.headers.has('cookie')) return request;
  if (cookies === 'ignore') {
    return { ...request, headers: new Fields(without(request.headers.lines, (name) => name === 'cookie')) };
  }
  const isKeyed = (idle: string): boolean =>
    userKey.some((name) => name.startsWith('cookie:') && isNamed(name.slice('cookie:'.length), [idle]));
  const idle = userKey.length === 0 ? idleCookies : idleCookies.filter((name) => !isKeyed(name));
  const headers = withoutCookies(request.headers, idle);
  return headers === request.headers ? request : { ...request, headers };
}

/** The fields of a request that carry credentials, in lower case. */
export function credentialFields(headers: Fields, { credentialHeaders }: CachePolicy): string[] {
  return [...headers.names()].filter((name) => isCredential(name, credentialHeaders));
}

/** The parameters of a query that carry credentials. */
export function credentialQuery(query: string, { credentialParams }: CachePolicy): string {
  return credentialParams.length === 0 ? '' : selectQuery(query, credentialParams);
}

/** The query without its credentials: for keys and tags, which operators see. */
export function withoutCredentials(query: string, { credentialParams }: CachePolicy): string {
  return credentialParams.length === 0 ? query : dropFromQuery(query, credentialParams);
}

/** A query with the credentials of another one instead of its own. */
export function withCredentialsOf(other: string, query: string, policy: CachePolicy): string {
  const parts = [withoutCredentials(query, policy), credentialQuery(other, policy)];
  return parts.filter((part) => part !== '').join('&');
}
