import type { CacheControl } from './cache-control.ts';

/** How long a route permits stale responses; undefined: as the origin's directives say. */
export interface StaleWindows {
  readonly staleWhileRevalidateMs: number | undefined;
  readonly staleIfErrorMs: number | undefined;
}

/**
 * Whether the response must not be served stale, regardless of the route and the client (RFC 9111 §4.2.4). `s-maxage`
 * implies `proxy-revalidate` (§5.2.2.10).
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
 * Whether a response that has been stale for `staleMs` may be served during revalidation, or because the origin failed
 * (RFC 5861 §3, §4). The route's window overrides the origin's. Invalidated responses never get here: they are never
 * served.
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

/** Whether a status counts as an origin error (RFC 5861 §4). */
export function isErrorStatus(status: number): boolean {
  return status === 500 || status === 502 || status === 503 || status === 504;
}
