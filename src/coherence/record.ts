import type { Event } from '../events/event.ts';
import type { Whole } from '../whole.ts';
import type { Coverage, Tag } from './tag.ts';

/** Position of a record in the log, or of a node that has applied it. 0 is before the first record. */
export type Position = number;

/** What a record tells subscribers, without the fields that derive from its position (`id`, `at`). */
export type Announcement = Omit<Event, 'id' | 'at'>;

/** An invalidation to be appended. */
export interface Invalidation {
  readonly coverage: Coverage;
  readonly announcements: readonly Announcement[];
  /** Indeterminate: what it covers is not stored until a record ends its quarantine (coherence.md, invariant 6). */
  readonly quarantine?: boolean | undefined;
  /** Length of the quarantine, for a node that takes it over. Absent: as long as that node's configuration says. */
  readonly quarantineMs?: number | undefined;
  /** The position of an earlier record whose quarantine this one ends. */
  readonly endsQuarantine?: Position | undefined;
}

/** An invalidation in the log. */
export interface LogRecord extends Invalidation {
  readonly position: Position;
  /**
   * `epoch-seq`: the same on every node, while positions are local. Absent: derived from the log's epoch and
   * `position`.
   */
  readonly id?: string | undefined;
  /** ISO 8601, for people. Nothing is ordered by it. */
  readonly at: string;
}

/** The record of `invalidation` at its place in the log. Written out: a spread costs V8 microseconds. */
export function recordOf(
  { coverage, announcements, quarantine, quarantineMs, endsQuarantine }: Invalidation,
  { position, id, at }: { position: Position; id: string | undefined; at: string },
): LogRecord {
  const record: Whole<LogRecord> = {
    coverage,
    announcements,
    quarantine,
    quarantineMs,
    endsQuarantine,
    position,
    id,
    at,
  };
  return record;
}

export const nothingCovered: Coverage = { tags: new Set(), patterns: [], tagPatterns: [] };

/** Used when the targets are not known. */
export const everything: Coverage = { tags: new Set(), patterns: ['/**'], tagPatterns: [['', '']] };

/** Whether `others` surely covers what `coverage` covers. Compares entries as text, without interpreting patterns. */
export function isIncluded(coverage: Coverage, others: Coverage): boolean {
  for (const tag of coverage.tags) if (!others.tags.has(tag)) return false;
  for (const pattern of coverage.patterns) if (!others.patterns.includes(pattern)) return false;
  return coverage.tagPatterns.length === 0 || difference(coverage, others).tagPatterns.length === 0;
}

/** The entries of `coverage` that `others` lacks. */
export function difference(coverage: Coverage, others: Coverage): Coverage {
  const tagPatterns = new Set(others.tagPatterns.map((parts) => JSON.stringify(parts)));
  return {
    tags: new Set([...coverage.tags].filter((tag) => !others.tags.has(tag))),
    patterns: coverage.patterns.filter((pattern) => !others.patterns.includes(pattern)),
    tagPatterns: coverage.tagPatterns.filter((parts) => !tagPatterns.has(JSON.stringify(parts))),
  };
}

export function mergeCoverage(all: readonly Coverage[]): Coverage {
  if (all.length === 1) return all[0] as Coverage;
  const tags = new Set<Tag>();
  const patterns = new Set<string>();
  const tagPatterns = new Map<string, readonly string[]>();
  for (const coverage of all) {
    for (const tag of coverage.tags) tags.add(tag);
    for (const pattern of coverage.patterns) patterns.add(pattern);
    for (const parts of coverage.tagPatterns) tagPatterns.set(JSON.stringify(parts), parts);
  }
  return { tags, patterns: [...patterns], tagPatterns: [...tagPatterns.values()] };
}
