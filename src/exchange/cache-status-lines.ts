import { type CacheStatus, formatCacheStatus } from '../http/cache-status.ts';

/** For what has no other fields: the gateway's own errors. */
export function statusLines(status: CacheStatus): string[] {
  return ['Cache-Status', formatCacheStatus(status)];
}

/** Adds the gateway's member behind those of caches nearer the origin (RFC 9211 §2). */
export function appendCacheStatus(lines: string[], status: CacheStatus): void {
  lines.push('Cache-Status', formatCacheStatus(status));
}
