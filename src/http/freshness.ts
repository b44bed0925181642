import { type CacheControl, MAX_DELTA_SECONDS } from './cache-control.ts';
import { parseHttpDate } from './date.ts';
import type { Fields } from './fields.ts';
import { splitList } from './list.ts';

/** The fraction of the time since the last modification that RFC 9111 §4.2.2 suggests. */
const HEURISTIC_FRACTION = 0.1;
/** A heuristic is never trusted for longer: what has not changed for years may change today. */
const MAX_HEURISTIC_MS = 24 * 60 * 60 * 1000;

/** RFC 9110 §15.1 */
const heuristicallyCacheable = new Set([200, 203, 204, 206, 300, 301, 308, 404, 405, 410, 414, 501]);

export function isHeuristicallyCacheable(status: number): boolean {
  return heuristicallyCacheable.has(status);
}

/**
 * The freshness lifetime (RFC 9111 §4.2.1) in milliseconds, never negative. `explicit`: the origin gave one, even if it
 * is 0 or malformed. Otherwise it is a heuristic, 0 if none is possible.
 */
export function freshnessLifetimeMs(response: {
  status: number;
  headers: Fields;
  directives: CacheControl;
  /** The directives come from a targeted field, so `Expires` is ignored (RFC 9213 §2.2). */
  targeted: boolean;
  /** Wall clock, ms. */
  respondedAt: number;
}): { ms: number; explicit: boolean } {
  const { status, headers, directives, targeted, respondedAt } = response;
  // §5.2.2.10: in a shared cache, s-maxage overrides everything else.
  if (directives.sMaxage !== undefined) return { ms: directives.sMaxage * 1000, explicit: true };
  // §5.3: max-age overrides Expires.
  if (directives.maxAge !== undefined) return { ms: directives.maxAge * 1000, explicit: true };
  const date = dateMs(headers, respondedAt);
  if (!targeted && headers.has('expires')) return { ms: expiresMs(headers, date, respondedAt), explicit: true };
  return { ms: heuristicMs({ status, headers, directives, date, respondedAt }), explicit: false };
}

/** §5.3: an `Expires` that is not a date, such as `0`, is in the past. So are several different ones. */
function expiresMs(headers: Fields, date: number, respondedAt: number): number {
  const [value = '', ...others] = headers.all('expires');
  if (others.some((other) => other !== value)) return 0;
  const expires = parseHttpDate(value, respondedAt);
  return expires === undefined ? 0 : Math.min(Math.max(0, expires - date), MAX_DELTA_SECONDS * 1000);
}

/** §4.2.2: requires `Last-Modified`, and a status or `public` that allows a heuristic. */
function heuristicMs(response: {
  status: number;
  headers: Fields;
  directives: CacheControl;
  date: number;
  respondedAt: number;
}): number {
  const { status, headers, directives, date, respondedAt } = response;
  if (!isHeuristicallyCacheable(status) && !directives.public) return 0;
  const lastModified = parseHttpDate(headers.get('last-modified') ?? '', respondedAt);
  if (lastModified === undefined) return 0;
  return Math.min(Math.max(0, (date - lastModified) * HEURISTIC_FRACTION), MAX_HEURISTIC_MS);
}

/**
 * The age of a response on arrival, in milliseconds (corrected_initial_age of RFC 9111 §4.2.3). Times are wall clock;
 * if the clock was set back between request and response, the delay counts as 0.
 */
export function initialAgeMs(response: { headers: Fields; requestedAt: number; respondedAt: number }): number {
  const { headers, requestedAt, respondedAt } = response;
  const apparentAge = Math.max(0, respondedAt - dateMs(headers, respondedAt));
  const responseDelay = Math.max(0, respondedAt - requestedAt);
  return Math.max(apparentAge, parseAge(headers.get('age')) * 1000 + responseDelay);
}

/** RFC 9111 §4.2.3's current_age, in milliseconds. */
export function currentAgeMs(stored: { initialAgeMs: number; respondedAt: number }, now: number): number {
  return stored.initialAgeMs + Math.max(0, now - stored.respondedAt);
}

/**
 * `Age` in seconds (RFC 9111 §5.1): the first member of several, and 0 if it is not a non-negative integer. Clamped to
 * 2^31, so that a huge value makes a response stale instead of overflowing.
 */
export function parseAge(value: string | undefined): number {
  if (value === undefined) return 0;
  const [first = ''] = splitList(value);
  return /^[0-9]+$/.test(first) ? Math.min(Number(first), MAX_DELTA_SECONDS) : 0;
}

/** RFC 9110 §6.6.1: without a valid `Date`, the time of receipt counts. */
function dateMs(headers: Fields, respondedAt: number): number {
  return parseHttpDate(headers.get('date') ?? '', respondedAt) ?? respondedAt;
}
