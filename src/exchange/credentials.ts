import type { CachePolicy } from '../config/model.ts';
import { isCredential } from '../http/credentials.ts';
import type { Fields } from '../http/fields.ts';
import { dropFromQuery, selectQuery } from '../route/path.ts';
import type { ClientRequest } from './ports.ts';

type Asking = Pick<ClientRequest, 'headers' | 'target'>;

/** The request carries credentials: what answers it may be for one user alone. */
export function hasCredentials({ headers, target }: Asking, policy: CachePolicy): boolean {
  for (const name of headers.names()) if (isCredential(name, policy.credentialHeaders)) return true;
  return credentialQuery(target.query, policy) !== '';
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
