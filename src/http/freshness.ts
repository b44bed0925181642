import { type CacheControl, MAX_DELTA_SECONDS } from './cache-control.ts';
import { parseHttpDate } from './date.ts';
import type { Fields } from './fields.ts';
import { splitList } from './list.ts';

/** RFC 9111 §4.2.2 suggests this part of the time since the last modification. */
const HEURISTIC_FRACTION = 0.1;
/** What has not changed for years may still change today: a guess is never trusted for longer than this. */
const MAX_HEURISTIC_MS = 24 * 60 * 60 * 1000;

/** RFC 9110 §15.1 */
const heuristicallyCacheable = new Set([200, 203, 204, 206, 300, 301, 308, 404, 405, 410, 414, 501]);

export function isHeuristicallyCacheable(status: number): boolean {
  return heuristicallyCacheable.has(status);
}

/**
 * The freshness lifetime (RFC 9111 §4.2.1) in milliseconds, never negative. `explicit`: the origin said so, were it 0 or
 * illegible; otherwise it is a guess, 0 where nothing supports one.
 */
export function freshnessLifetimeMs(response: {
  status: number;
  headers: Fields;
  directives: CacheControl;
  /** The directives are a targeted field's: `Expires` is then as if absent (RFC 9213 §2.2). */
  targeted: boolean;
  /** Wall clock, ms. */
  respondedAt: number;
}): { ms: number; explicit: boolean } {
  const { status, headers, directives, targeted, respondedAt } = response;
  // §5.2.2.10: a shared cache goes by s-maxage, whatever else is there.
  if (directives.sMaxage !== undefined) return { ms: directives.sMaxage * 1000, explicit: true };
  // §5.3: max-age overrides Expires.
  if (directives.maxAge !== undefined) return { ms: directives.maxAge * 1000, explicit: true };
  const date = dateMs(headers, respondedAt);
  if (!targeted && headers.has('expires')) return { ms: expiresMs(headers, date, respondedAt), explicit: true };
  return { ms: heuristicMs({ status, headers, directives, date, respondedAt }), explicit: false };
}

/** §5.3: an `Expires` that is not a date, `0` above all, is in the past; of several different ones, none is believed. */
function expiresMs(headers: Fields, date: number, respondedAt: number): number {
  const [value = '', ...others] = headers.all('expires');
  if (others.some((other) => other !== value)) return 0;
  const expires = parseHttpDate(value, respondedAt);
  return expires === undefined ? 0 : Math.min(Math.max(0, expires - date), MAX_DELTA_SECONDS * 1000);
}

/** §4.2.2: where there is a `Last-Modified`, and the status, or `public`, allows a guess. */
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
 * The age of a response when it arrived, in milliseconds: RFC 9111 §4.2.3's corrected_initial_age. Times are wall clock; one
 * that was set back between request and response counts as no delay.
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
 * `Age` in seconds (RFC 9111 §5.1): of several members the first, and 0 where that is not a non-negative integer. Clamped to 2^31,
 * so that a huge one makes a response stale instead of overflowing into freshness.
 */
export function parseAge(value: string | undefined): number {
  const [first = ''] = splitList(value ?? '');
  return /^[0-9]+$/.test(first) ? Math.min(Number(first), MAX_DELTA_SECONDS) : 0;
}

/** RFC 9110 §6.6.1: a response without a legible `Date` was made when it was received. */
function dateMs(headers: Fields, respondedAt: number): number {
  return parseHttpDate(headers.get('date') ?? '', respondedAt) ?? respondedAt;
}
