import type { CacheControl } from './cache-control.ts';

/** What a route says about stale responses; undefined leaves it to the origin's own directives. */
export interface StaleWindows {
  readonly staleWhileRevalidateMs: number | undefined;
  readonly staleIfErrorMs: number | undefined;
}

/**
 * A stale response must not be served, whatever a route or a client would like (RFC 9111 §4.2.4). `s-maxage` is here because it
 * means `proxy-revalidate` too (§5.2.2.10).
 */
export function prohibitsStale(directives: CacheControl): boolean {
  return (
    directives.mustRevalidate ||
    directives.proxyRevalidate ||
    directives.noCache === true ||
    directives.sMaxage !== undefined
  );
}

/**
 * Whether a response that has been stale for `staleMs` may be served while it is revalidated, or because the origin failed
 * (RFC 5861 §3, §4). The route's window takes the place of the origin's. What an invalidation has hit is not for this to
 * ask about: it is never served.
 */
export function mayServeStale(
  directives: CacheControl,
  route: StaleWindows,
  when: 'revalidating' | 'error',
  staleMs: number,
): boolean {
  if (prohibitsStale(directives)) return false;
  const windowMs =
    when === 'revalidating'
      ? (route.staleWhileRevalidateMs ?? (directives.staleWhileRevalidate ?? 0) * 1000)
      : (route.staleIfErrorMs ?? (directives.staleIfError ?? 0) * 1000);
  return windowMs > 0 && staleMs < windowMs;
}

/** The statuses that count as an error of the origin's (RFC 5861 §4). */
export function isErrorStatus(status: number): boolean {
  return status === 500 || status === 502 || status === 503 || status === 504;
}
