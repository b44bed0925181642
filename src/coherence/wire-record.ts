import type { Seq } from './bus.ts';
import { type Announcement, everything, type Invalidation } from './record.ts';
import { bounded } from './record-size.ts';
import type { Hits } from './tag.ts';

/** An invalidation as it is written to the shared log. `settled` is a place in the log there, not a local position. */
export interface WireRecord extends Omit<Invalidation, 'settled'> {
  readonly settled?: Seq;
  readonly at: string;
}

/** Of a bounded size: what would be larger is covered by wildcards. */
export function encodeRecord(record: WireRecord): string {
  return bounded(record, encode);
}

function encode({ hits, announcements, doubt, settleMs, settled, at }: WireRecord): string {
  return JSON.stringify({
    tags: [...hits.tags],
    patterns: hits.patterns,
    tagPatterns: hits.tagPatterns,
    announcements,
    ...(doubt === true && { doubt }),
    ...(settleMs !== undefined && { settleMs }),
    ...(settled !== undefined && { settled }),
    at,
  });
}

/** What cannot be read, say of a newer version, hits everything: a record that is not applied would be a stale read. */
export function decodeRecord(payload: string): WireRecord {
  try {
    const read: unknown = JSON.parse(payload);
    const wire = read as Omit<WireRecord, 'hits'> & { tags: string[] } & Omit<Hits, 'tags'>;
    const { tags, patterns, tagPatterns, announcements, doubt, settleMs, settled, at } = wire;
    if (!isStrings(tags) || !isStrings(patterns) || !Array.isArray(tagPatterns) || !tagPatterns.every(isStrings)) {
      return unreadable;
    }
    if (!Array.isArray(announcements) || typeof at !== 'string') return unreadable;
    return {
      hits: { tags: new Set(tags), patterns, tagPatterns },
      announcements: announcements as Announcement[],
      ...(doubt === true && { doubt }),
      ...(typeof settleMs === 'number' && { settleMs }),
      ...(typeof settled === 'number' && { settled }),
      at,
    };
  } catch {
    return unreadable;
  }
}

const unreadable: WireRecord = { hits: everything, announcements: [], at: new Date(0).toISOString() };

function isStrings(value: unknown): value is string[] {
  return Array.isArray(value) && value.every((each) => typeof each === 'string');
}
