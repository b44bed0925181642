import { type CacheStatus, formatCacheStatus } from '../http/cache-status.ts';

/** The `Cache-Status` line of the gateway's own errors, which have no other fields. */
export function statusLines(status: CacheStatus): string[] {
  return ['Cache-Status', formatCacheStatus(status)];
}

/** Appends the gateway's member after those of caches nearer the origin (RFC 9211 §2). */
export function appendCacheStatus(lines: string[], status: CacheStatus): void {
  lines.push('Cache-Status', formatCacheStatus(status));
}
