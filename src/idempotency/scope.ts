import type { CachePolicy } from '../config/model.ts';
import { credentialFields, withoutIdleCookies } from '../exchange/credentials.ts';
import type { ClientRequest } from '../exchange/ports.ts';
import { hashed, isToldByCookies, userKey } from '../exchange/user-key.ts';
import { targetText } from '../route/path.ts';

/**
 * Keys are scoped by who sends them, to where: two users may draw the same one, and neither must see the other's
 * answer.
 */
export function scopedKey(key: string, request: ClientRequest, policy: CachePolicy): string {
  const { method, host, target } = request;
  const { headers, names } = credentialsOf(request, policy);
  return hashed(JSON.stringify([key, method, host, targetText(target), userKey(headers, names)]));
}

/** The names of what tells a request's user from others, as far as the request has it. */
export function credentialsThatScope(request: ClientRequest, policy: CachePolicy): readonly string[] {
  const carried = credentialFields(request.headers, policy);
  return credentialsOf(request, policy).names.filter((name) => carried.includes(name) || name.includes(':'));
}

/**
 * Of cookies, those that the route's `userKey` names. All but the idle ones where the request has none of these, or has
 * one twice: the origin may know the user by another one than the gateway sees.
 */
function credentialsOf(request: ClientRequest, policy: CachePolicy) {
  // `cookies: ignore` is about reads: writes reach the origin with theirs.
  const { headers } = withoutIdleCookies(request, { ...policy, cookies: 'credentials' });
  const isTold = isToldByCookies(headers, policy.userKey);
  const carried = credentialFields(headers, policy).filter((name) => !(isTold && name === 'cookie'));
  return { headers, names: [...new Set([...policy.userKey, ...carried])].sort() };
}
