import type { Seq } from './bus.ts';
import { type Announcement, everything, type Invalidation } from './record.ts';
import { bounded } from './record-size.ts';

/** An invalidation as the shared log holds it. `endsQuarantine` is a `seq` there, not a local position. */
export interface WireRecord extends Omit<Invalidation, 'endsQuarantine'> {
  readonly endsQuarantine?: Seq | undefined;
  readonly at: string;
}

/** The size is bounded: a record that would be larger falls back to wildcards. */
export function encodeRecord(record: WireRecord): string {
  return bounded(record, encode);
}

function encode({ coverage, announcements, quarantine, quarantineMs, endsQuarantine, at }: WireRecord): string {
  return JSON.stringify({
    tags: [...coverage.tags],
    patterns: coverage.patterns,
    tagPatterns: coverage.tagPatterns,
    announcements,
    quarantine: quarantine === true ? true : undefined,
    quarantineMs,
    endsQuarantine,
    at,
  });
}

/**
 * Decodes a record. One of an unknown shape, say from a newer version, covers everything: if it were skipped, reads
 * could be stale. Subscribers are told the same. Nothing of its content reaches them, or crashes the process.
 */
export function decodeRecord(payload: string): WireRecord {
  try {
    return recordOf(JSON.parse(payload)) ?? unreadable;
  } catch {
    return unreadable;
  }
}

const unreadable: WireRecord = {
  coverage: everything,
  announcements: [
    { type: 'invalidate', paths: ['/**'], tags: ['*'], cause: { method: 'UNKNOWN', path: '/**', rule: null } },
  ],
  at: new Date(0).toISOString(),
};

/** The longest quarantine that a configuration may set. Node fires timers of more than 2^31 - 1 ms at once. */
const MAX_QUARANTINE_MS = 24 * 60 * 60 * 1_000;

function recordOf(wire: unknown): WireRecord | undefined {
  if (!isObject(wire)) return undefined;
  const { tags, patterns, tagPatterns, announcements, quarantine, quarantineMs, endsQuarantine, at } = wire;
  if (!isStrings(tags) || !isStrings(patterns) || !patterns.every((pattern) => pattern.startsWith('/')))
    return undefined;
  if (!isList(tagPatterns, (parts) => isStrings(parts) && parts.length > 1)) return undefined;
  if (!isList(announcements, isAnnouncement) || typeof at !== 'string') return undefined;
  if (quarantine !== undefined && typeof quarantine !== 'boolean') return undefined;
  if (quarantineMs !== undefined && !isDuration(quarantineMs)) return undefined;
  if (endsQuarantine !== undefined && !isCount(endsQuarantine)) return undefined;
  return {
    coverage: { tags: new Set(tags), patterns, tagPatterns: tagPatterns as string[][] },
    announcements: announcements as Announcement[],
    quarantine: quarantine === true ? true : undefined,
    quarantineMs: quarantineMs as number | undefined,
    endsQuarantine,
    at,
  };
}

function isAnnouncement(value: unknown): boolean {
  if (!isObject(value)) return false;
  const { type, paths, tags, cause, payload, client } = value;
  if (typeof type !== 'string' || !eventType.test(type) || !isStrings(paths) || !isStrings(tags)) return false;
  if (client !== undefined && typeof client !== 'string') return false;
  if (!isObject(cause) || (payload !== undefined && !isObject(payload))) return false;
  // A value that is nested too deeply for JSON throws here, and not while subscribers are being told.
  if (payload !== undefined) JSON.stringify(payload);
  const { method, path, rule } = cause;
  return typeof method === 'string' && typeof path === 'string' && (rule === null || typeof rule === 'string');
}

/** The names that a configuration allows. In the event stream, the name is a line of its own. */
const eventType = /^[A-Za-z][A-Za-z0-9._:-]*$/;

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function isList(value: unknown, isMember: (member: unknown) => boolean): value is unknown[] {
  return Array.isArray(value) && value.every(isMember);
}

function isStrings(value: unknown): value is string[] {
  return isList(value, (each) => typeof each === 'string');
}

function isDuration(value: unknown): boolean {
  return typeof value === 'number' && value >= 0 && value <= MAX_QUARANTINE_MS;
}

function isCount(value: unknown): value is number {
  return typeof value === 'number' && Number.isSafeInteger(value) && value >= 0;
}
