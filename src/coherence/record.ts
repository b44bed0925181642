import type { Event } from '../events/event.ts';
import type { Hits, Tag } from './tag.ts';

/** Place of a record in the log, and of a node in it: 0 is before the first record. */
export type Position = number;

/** What a record tells subscribers, but for what only its position gives (`id`, `at`). */
export type Announcement = Omit<Event, 'id' | 'at'>;

/** An invalidation to be appended. */
export interface Invalidation {
  readonly hits: Hits;
  readonly announcements: readonly Announcement[];
  /** Of unknown outcome: what it hits is not stored until `settled` names it (coherence.md, invariant 6). */
  readonly doubt?: boolean;
  /** For one in doubt: how long until it has settled, for whoever takes it over. Absent: as long as this node's configuration says. */
  readonly settleMs?: number;
  /** The position of an earlier record in doubt whose settle window this one ends. */
  readonly settled?: Position;
}

/** An invalidation in the log. */
export interface LogRecord extends Invalidation {
  readonly position: Position;
  /** The same on every node, where positions are each node's own: `epoch-seq`. Absent: made of the log's epoch and the position. */
  readonly id?: string;
  /** ISO 8601, for people: nothing is ordered by it. */
  readonly at: string;
}

export const nothingHit: Hits = { tags: new Set(), patterns: [], tagPatterns: [] };

/** Where what was hit is not known. */
export const everything: Hits = { tags: new Set(), patterns: ['/**'], tagPatterns: [['', '']] };

/** Whether whatever `hits` covers is surely covered by `others`: one by one, without looking at what patterns mean. */
export function isCovered(hits: Hits, others: Hits): boolean {
  const rest = lackingOf(hits, others);
  return rest.tags.size === 0 && rest.patterns.length === 0 && rest.tagPatterns.length === 0;
}

/** What of `hits` is not among `others`. */
export function lackingOf(hits: Hits, others: Hits): Hits {
  const tagPatterns = new Set(others.tagPatterns.map((parts) => JSON.stringify(parts)));
  return {
    tags: new Set([...hits.tags].filter((tag) => !others.tags.has(tag))),
    patterns: hits.patterns.filter((pattern) => !others.patterns.includes(pattern)),
    tagPatterns: hits.tagPatterns.filter((parts) => !tagPatterns.has(JSON.stringify(parts))),
  };
}

export function mergeHits(all: readonly Hits[]): Hits {
  if (all.length === 1) return all[0] as Hits;
  const tags = new Set<Tag>();
  const patterns = new Set<string>();
  const tagPatterns = new Map<string, readonly string[]>();
  for (const hits of all) {
    for (const tag of hits.tags) tags.add(tag);
    for (const pattern of hits.patterns) patterns.add(pattern);
    for (const parts of hits.tagPatterns) tagPatterns.set(JSON.stringify(parts), parts);
  }
  return { tags, patterns: [...patterns], tagPatterns: [...tagPatterns.values()] };
}
