import { type CacheControl, parseCacheControl } from './cache-control.ts';
import type { Fields } from './fields.ts';
import { hasPragmaNoCache } from './targeted.ts';

/** What a request asks of caches: its `Cache-Control`, or where it has none its `Pragma` (RFC 9111 §5.2.1, §5.4). */
export function requestDirectives(request: Fields): CacheControl {
  const cacheControl = request.get('cache-control');
  const directives = parseCacheControl(cacheControl);
  return cacheControl === undefined && hasPragmaNoCache(request) ? { ...directives, noCache: true } : directives;
}

/** What in a request keeps a stored response from being used for it. */
export type Refused = 'no-cache' | 'max-age' | 'min-fresh' | 'stale';

/**
 * Whether a stored response will do for the client (RFC 9111 §5.2.1). A stale one only under `max-stale`, and then it is still for the
 * response to allow it (`prohibitsStale`). `only-if-cached` is for the caller: it changes what happens where nothing will do.
 */
export function requestAllows(
  directives: CacheControl,
  stored: { ageMs: number; lifetimeMs: number },
): { reuse: boolean; reason?: Refused } {
  const { ageMs, lifetimeMs } = stored;
  // §5.2.1.4. A list of fields is for responses; from a client it can only mean the whole.
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
