import { type CacheControl, parseCacheControl } from './cache-control.ts';
import type { Fields } from './fields.ts';
import { hasPragmaNoCache } from './targeted.ts';

/** The directives of a request: `Cache-Control`, or `Pragma` if it has none (RFC 9111 §5.2.1, §5.4). */
export function requestDirectives(request: Fields): CacheControl {
  const cacheControl = request.get('cache-control');
  const directives = parseCacheControl(cacheControl);
  return cacheControl === undefined && hasPragmaNoCache(request) ? { ...directives, noCache: true } : directives;
}

/** Why a request does not accept a stored response. */
export type Refused = 'no-cache' | 'max-age' | 'min-fresh' | 'stale';

/**
 * Whether the client accepts a stored response (RFC 9111 §5.2.1). A stale one needs `max-stale`, and the response must
 * allow it too (`prohibitsStale`). The caller handles `only-if-cached`.
 */
export function requestAllows(
  directives: CacheControl,
  stored: { ageMs: number; lifetimeMs: number },
): { reuse: boolean; reason?: Refused } {
  const { ageMs, lifetimeMs } = stored;
  // §5.2.1.4. Field names apply to responses only; in a request, the directive means the whole response.
  if (directives.noCache !== false) return { reuse: false, reason: 'no-cache' };
  // §5.2.1.1
  if (directives.maxAge !== undefined && ageMs > directives.maxAge * 1000) return { reuse: false, reason: 'max-age' };
  // §5.2.1.3
  if (directives.minFresh !== undefined && lifetimeMs - ageMs < directives.minFresh * 1000) {
    return { reuse: false, reason: 'min-fresh' };
  }
  const staleMs = ageMs - lifetimeMs;
  // §4.2: fresh while its age is less than its lifetime. §5.2.1.2: stale by no more than max-stale.
  if (staleMs >= 0 && !(directives.maxStale !== undefined && staleMs <= directives.maxStale * 1000)) {
    return { reuse: false, reason: 'stale' };
  }
  return { reuse: true };
}
