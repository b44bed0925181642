import type { Located } from './lint-routes.ts';
import { effective, type RouteContext } from './lint-routes.ts';
import type { CachePolicy } from './model.ts';
import type { PolicySettings } from './route-schema.ts';

/** A `userKey` that leaves out what a request may say of whose it is. Also for `defaults`. */
export function lintUserKey({ settings, document, path }: Located<PolicySettings>, context: RouteContext): void {
  const { cache } = settings;
  if (cache === undefined || cache === 'off') return;
  // What is inherited as a whole is reported where it is written.
  const written = (['userKey', 'credentials', 'cookies'] as const).find((key) => cache[key] !== undefined);
  const policy = effective(cache, context);
  if (written === undefined || policy.credentials !== 'perUser') return;
  const { message, hint } = leftOut(policy) ?? {};
  if (message === undefined || hint === undefined) return;
  document.report([...path, 'cache', written], { message, hint, warning: 'user-key-incomplete', atKey: true });
}

function leftOut({ userKey, cookies }: CachePolicy): { message: string; hint: string } | undefined {
  const namesCookies = userKey.some((name) => name === 'cookie' || name.startsWith('cookie:'));
  if (!namesCookies && cookies === 'credentials') {
    return {
      message: 'userKey names no cookie: requests that differ in their cookies alone share a response',
      hint: 'add the cookie of the session, "cookie:session", or say cookies: ignore',
    };
  }
  if (userKey.includes('authorization')) return undefined;
  return {
    message: 'userKey leaves out Authorization: responses to requests with it are not stored',
    hint: 'add authorization, unless no client sends it',
  };
}
