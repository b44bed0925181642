import type { OpenApiDocument } from './document.ts';

/** By what an API knows its clients, as its `securitySchemes` say. Names of fields in lower case. */
export interface DraftCredentials {
  readonly headers: readonly string[];
  readonly params: readonly string[];
  /** What identifies a user, for `credentials: perUser`. */
  readonly userKey: readonly string[];
}

/** RFC 9110 §5.6.2: what the name of a header field, or of a cookie, consists of. */
const token = /^[A-Za-z0-9!#$%&'*+.^_`|~-]+$/;

/** Undefined if the document declares no credentials. */
export function credentialsOf(document: OpenApiDocument): DraftCredentials | undefined {
  const headers = new Set<string>();
  const params = new Set<string>();
  const cookies = new Set<string>();
  let any = false;
  for (const written of Object.values(document.securitySchemes)) {
    const { type, in: place, name } = document.follow(written).value;
    // mutualTLS is between the client and what ends its TLS.
    if (type !== 'apiKey') any ||= type === 'http' || type === 'oauth2' || type === 'openIdConnect';
    else if (typeof name === 'string') {
      any = true;
      if (place === 'header' && token.test(name)) headers.add(name.toLowerCase());
      if (place === 'query' && /^[^&=#?\s]+$/.test(name)) params.add(name);
      if (place === 'cookie') cookies.add(token.test(name) ? `cookie:${name}` : 'cookie');
    }
  }
  if (!any) return undefined;
  const named = [...headers].filter((name) => name !== 'authorization' && name !== 'cookie');
  // Whatever else a client sends: `authorization` is a credential anywhere, and any cookie may be.
  const byCookie = cookies.size === 0 || cookies.has('cookie') || headers.has('cookie') ? ['cookie'] : [...cookies];
  const userKey = ['authorization', ...named, ...[...params].map((name) => `query:${name}`), ...byCookie];
  return { headers: named, params: [...params], userKey };
}
