import { GatewayError } from '../errors.ts';
import { trimWhitespace } from '../http/list.ts';
import type { SubscriptionRequest } from './rights.ts';

/** Parameters by which clients of other servers send tokens. URLs are logged, and are kept in histories of browsers. */
const ofTokens = ['access_token', 'authorization', 'auth', 'token', 'jwt', 'bearer'];

export interface FoundToken {
  readonly token: string;
  readonly from: 'header' | 'cookie';
}

/** @throws GatewayError 400 for a token in the URL, 401 without a token */
export function tokenIn({ headers, query }: SubscriptionRequest, cookie: string): FoundToken {
  const inUrl = ofTokens.find((name) => query.has(name));
  if (inUrl !== undefined) {
    throw new GatewayError('badRequest', `"${inUrl}": a token does not belong in a URL; send Authorization: Bearer`);
  }
  const field = headers.get('authorization');
  if (field !== undefined) {
    // RFC 6750 §2.1
    const token = /^Bearer +([A-Za-z0-9._~+/-]+=*)$/i.exec(field)?.[1];
    if (token === undefined) throw new GatewayError('tokenInvalid', 'Authorization is not one bearer token');
    return { token, from: 'header' };
  }
  const values = cookiesNamed(cookie, headers.get('cookie') ?? '');
  const [token] = values;
  if (token === undefined) {
    throw new GatewayError('tokenMissing', `send Authorization: Bearer, or the cookie ${cookie}`);
  }
  // Another host of the domain may have set one of them.
  if (values.length > 1) throw new GatewayError('tokenInvalid', `there are ${values.length} cookies ${cookie}`);
  return { token, from: 'cookie' };
}

/**
 * RFC 6265 §5.4: pairs are separated by ";" alone. Space that is no whitespace of HTTP belongs to the name: a browser
 * would not hold such a cookie to the rules of its prefix.
 */
function cookiesNamed(name: string, cookies: string): string[] {
  return cookies.split(';').flatMap((pair) => {
    const at = pair.indexOf('=');
    return at > 0 && trimWhitespace(pair.slice(0, at)) === name ? [trimWhitespace(pair.slice(at + 1))] : [];
  });
}
