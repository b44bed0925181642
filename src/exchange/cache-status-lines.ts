import { type CacheStatus, formatCacheStatus } from '../http/cache-status.ts';
import { CURSOR_FIELD } from '../http/event-cursor.ts';

/** The `Cache-Status` line of the gateway's own errors, which have no other fields. */
export function statusLines(status: CacheStatus): string[] {
  return ['Cache-Status', formatCacheStatus(status)];
}

/**
 * Appends the gateway's member after those of caches nearer the origin (RFC 9211 §2), and the position up to which the
 * answer is known to be current.
 */
export function appendCacheStatus(lines: string[], status: CacheStatus, cursor?: string): void {
  lines.push('Cache-Status', formatCacheStatus(status));
  if (cursor !== undefined) lines.push(CURSOR_FIELD, cursor);
}
