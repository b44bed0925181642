import { type BareItem, type Dictionary, parseDictionary, Token } from 'structured-headers';
import {
  type CacheControl,
  fieldNames,
  hasOpenQuote,
  MAX_DELTA_SECONDS,
  type MutableCacheControl,
  noDirectives,
  parseCacheControl,
} from './cache-control.ts';
import type { Fields } from './fields.ts';
import { splitList, withoutQuoted } from './list.ts';

/**
 * The directives that apply to a response. The first valid field of `targetedFields` (lower case) decides alone;
 * `targeted` is then true, and `Cache-Control`, `Expires` and `Pragma` are ignored (RFC 9213 §2.2).
 */
export function responseDirectives(
  headers: Fields,
  targetedFields: readonly string[],
): { directives: CacheControl; targeted: boolean } {
  for (const name of targetedFields) {
    const value = headers.get(name);
    const directives = value === undefined ? undefined : parseTargeted(value);
    if (directives !== undefined) return { directives, targeted: true };
  }
  const cacheControl = headers.get('cache-control');
  const directives = parseCacheControl(cacheControl);
  if (cacheControl?.includes('"') === true && headers.all('cache-control').some(hasOpenQuote)) {
    return { directives: { ...directives, noStore: true }, targeted: false };
  }
  // RFC 9111 §5.4 gives `Pragma` no meaning in responses; the origins that send it without a `Cache-Control` are the
  // old ones that mean "do not reuse this", and not reusing is always allowed.
  if (cacheControl === undefined && hasPragmaNoCache(headers)) {
    return { directives: { ...directives, noCache: true }, targeted: false };
  }
  return { directives, targeted: false };
}

/** RFC 9111 §5.4 */
export function hasPragmaNoCache(headers: Fields): boolean {
  return splitList(headers.get('pragma') ?? '').some((member) => member.toLowerCase() === 'no-cache');
}

const flags = {
  'no-store': 'noStore',
  public: 'public',
  'must-revalidate': 'mustRevalidate',
  'proxy-revalidate': 'proxyRevalidate',
  'must-understand': 'mustUnderstand',
  immutable: 'immutable',
  'no-transform': 'noTransform',
} as const;

const times = {
  'max-age': 'maxAge',
  's-maxage': 'sMaxage',
  'stale-while-revalidate': 'staleWhileRevalidate',
  'stale-if-error': 'staleIfError',
} as const;

/** A decimal is not an integer, even if its value is whole; the parser returns a number for both. */
const decimalTime = /(?:^|[, \t])(?:max-age|s-maxage|stale-while-revalidate|stale-if-error)=-?[0-9]+\./;

/**
 * Parses a targeted field, a structured dictionary (RFC 9213 §2.1). undefined if it must be ignored: empty, malformed,
 * or with a time that is not an integer. Unknown directives and parameters are ignored.
 */
export function parseTargeted(value: string): CacheControl | undefined {
  let members: Dictionary;
  try {
    members = parseDictionary(value);
  } catch {
    // RFC 9213 §2.1: a field with a parsing error is ignored.
    return undefined;
  }
  if (members.size === 0) return undefined;
  if (decimalTime.test(withoutQuoted(value))) return undefined;
  const directives: MutableCacheControl = { ...noDirectives };
  for (const [name, [member]] of members) {
    if (Object.hasOwn(times, name)) {
      if (typeof member !== 'number') return undefined;
      directives[times[name as keyof typeof times]] = Math.min(Math.max(member, 0), MAX_DELTA_SECONDS);
    } else if (Object.hasOwn(flags, name)) {
      // A directive counts whatever its argument, except ?0.
      directives[flags[name as keyof typeof flags]] = member !== false;
    } else if (name === 'no-cache') {
      directives.noCache = limitedTo(member);
    } else if (name === 'private') {
      directives.private = limitedTo(member);
    }
  }
  return directives;
}

/**
 * A string, a token or an inner list of them limits the directive to fields; anything else means the whole response.
 */
function limitedTo(member: BareItem | readonly (readonly [BareItem, unknown])[]): boolean | readonly string[] {
  if (typeof member === 'boolean') return member;
  const parts = Array.isArray(member) ? member.map(([part]) => part) : [member];
  if (!parts.every((part) => typeof part === 'string' || part instanceof Token)) return true;
  const names = fieldNames(parts.map(String).join(','));
  return names === undefined ? true : [...new Set(names)].sort();
}
