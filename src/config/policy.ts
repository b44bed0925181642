import { credentialNames } from '../http/credentials.ts';
import { commonIdleCookies } from '../http/idle-cookies.ts';
import type { CachePolicy, ClientPolicy } from './model.ts';
import type { CacheSettings, PolicySettings } from './route-schema.ts';

/** What applies if neither a route nor `defaults` says. The cautious choice for each setting. */
export const builtInCache: CachePolicy = {
  off: false,
  ttlMs: undefined,
  // Anybody may provoke one, by something that is in no key.
  errorTtlMs: 10_000,
  force: false,
  staleWhileRevalidateMs: undefined,
  // Not the origin's directive: serving stale responses instead of errors must be asked for.
  staleIfErrorMs: 0,
  key: { query: undefined, order: 'keep', headers: [] },
  credentials: 'bypass',
  sharedCredentials: [],
  userKey: [],
  credentialHeaders: credentialNames([]),
  credentialParams: [],
  cookies: 'credentials',
  idleCookies: commonIdleCookies,
  setCookie: 'bypass',
  requestDirectives: 'honour',
  targetedFields: [],
};

export const builtInClient: ClientPolicy = {
  cacheControl: 'no-cache',
  immutable: true,
  etag: 'strong',
  encode: [],
  tags: 'strip',
  eventCursor: true,
};

/** A policy, overridden by settings key by key. */
export function cachePolicy(under: CachePolicy, settings: CacheSettings | undefined): CachePolicy {
  if (settings === undefined) return under;
  if (settings === 'off') return { ...under, off: true };
  return {
    // `cache: {…}` on a route turns on what `defaults` turned off.
    off: false,
    ttlMs: settings.ttl ?? under.ttlMs,
    errorTtlMs: settings.errorTtl ?? under.errorTtlMs,
    force: settings.force ?? under.force,
    staleWhileRevalidateMs: windowMs(settings.staleWhileRevalidate, under.staleWhileRevalidateMs),
    staleIfErrorMs: windowMs(settings.staleIfError, under.staleIfErrorMs),
    key: {
      query: settings.key?.query ?? under.key.query,
      order: settings.key?.order ?? under.key.order,
      headers: settings.key?.headers ?? under.key.headers,
    },
    ...credentialPolicy(under, settings.credentials),
    userKey: settings.userKey ?? under.userKey,
    credentialHeaders: under.credentialHeaders,
    credentialParams: under.credentialParams,
    ...cookiePolicy(under, settings.cookies),
    setCookie: settings.setCookie ?? under.setCookie,
    requestDirectives: settings.requestDirectives ?? under.requestDirectives,
    targetedFields: settings.targetedFields ?? under.targetedFields,
  };
}

function credentialPolicy(
  { credentials, sharedCredentials }: CachePolicy,
  setting: Exclude<CacheSettings, 'off'>['credentials'],
): Pick<CachePolicy, 'credentials' | 'sharedCredentials'> {
  if (setting === undefined) return { credentials, sharedCredentials };
  if (typeof setting === 'string') return { credentials: setting, sharedCredentials: [] };
  return { credentials: 'bypass', sharedCredentials: setting.shared };
}

function cookiePolicy(
  { cookies, idleCookies }: CachePolicy,
  setting: Exclude<CacheSettings, 'off'>['cookies'],
): Pick<CachePolicy, 'cookies' | 'idleCookies'> {
  if (setting === undefined) return { cookies, idleCookies };
  // Said outright, it holds for every cookie.
  if (typeof setting === 'string') return { cookies: setting, idleCookies: [] };
  return { cookies: 'credentials', idleCookies: [...new Set([...commonIdleCookies, ...setting.ignore])] };
}

function windowMs(settings: number | 'origin' | undefined, under: number | undefined): number | undefined {
  return settings === 'origin' ? undefined : (settings ?? under);
}

export function clientPolicy(under: ClientPolicy, settings: PolicySettings['client']): ClientPolicy {
  return {
    cacheControl: settings?.cacheControl ?? under.cacheControl,
    immutable: settings?.cacheControl === undefined && under.immutable,
    etag: settings?.etag ?? under.etag,
    encode: settings?.encode ?? under.encode,
    tags: settings?.tags ?? under.tags,
    eventCursor: under.eventCursor,
  };
}
