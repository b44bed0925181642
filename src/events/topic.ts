import { matchesParts } from '../coherence/tag.ts';
import { PatternError, parsePattern, patternShape, patternsOverlap } from '../route/pattern.ts';

/** A subscriber's filter: events that match any of the path patterns or tags; all events if both are empty. */
export interface Filter {
  /** Patterns as written: `/steps/:id`, `/steps/7`. */
  readonly match: readonly string[];
  readonly tags: readonly string[];
}

/** Limit on the segments of all wildcard patterns of one subscription. Each segment takes a node of the index. */
export const MAX_SEGMENTS = 256;

/** A distinct filter, shared by all its subscribers. An event is matched against it once. */
export class Topic {
  /** Equal for equivalent filters. */
  readonly key: string;
  /** Canonical paths without wildcards. */
  readonly paths: readonly string[];
  /** Patterns of literal, `*` and `**` segments. */
  readonly patterns: readonly string[];
  readonly tags: readonly string[];
  readonly tagPatterns: readonly string[];

  /** @throws PatternError */
  constructor(filter: Filter) {
    const shapes = [...new Set(filter.match.map((pattern) => patternShape(parsePattern(pattern))))].sort();
    const tags = [...new Set(filter.tags)].sort();
    this.paths = shapes.filter((shape) => !hasWildcard(shape));
    this.patterns = shapes.filter(hasWildcard);
    this.tags = tags.filter((tag) => !hasWildcard(tag));
    this.tagPatterns = tags.filter(hasWildcard);
    this.key = JSON.stringify([shapes, tags]);
    const segments = this.patterns.reduce((sum, pattern) => sum + pattern.split('/').length - 1, 0);
    if (segments > MAX_SEGMENTS) {
      throw new PatternError(
        `the patterns have more than ${MAX_SEGMENTS} segments`,
        'subscribe to fewer or broader patterns',
      );
    }
  }

  get isEverything(): boolean {
    return this.paths.length + this.patterns.length + this.tags.length + this.tagPatterns.length === 0;
  }

  /** Whether the filter matches any path that a pattern in an event covers. */
  overlapsPath(pattern: string): boolean {
    const overlaps = (own: string): boolean => patternsOverlap(pattern, own);
    return this.paths.some(overlaps) || this.patterns.some(overlaps);
  }

  overlapsTag(pattern: string): boolean {
    const overlaps = (own: string): boolean => tagsOverlap(pattern, own);
    return this.tags.some(overlaps) || this.tagPatterns.some(overlaps);
  }
}

export const hasWildcard = (name: string): boolean => name.includes('*');

/** Whether any tag matches both. A `*` in either stands for any text. */
function tagsOverlap(a: string, b: string): boolean {
  if (!hasWildcard(a) && !hasWildcard(b)) return a === b;
  const [fixedA, fixedB] = [a.split('*'), b.split('*')];
  const prefix = ends(fixedA[0] ?? '', fixedB[0] ?? '', (x, y) => x.startsWith(y));
  if (!hasWildcard(a) || !hasWildcard(b)) {
    const [text, parts] = hasWildcard(a) ? [b, fixedA] : [a, fixedB];
    return matchesParts(text, parts);
  }
  // Two wildcards: prefixes and suffixes must agree. The text between them can always be filled in.
  return prefix && ends(fixedA.at(-1) ?? '', fixedB.at(-1) ?? '', (x, y) => x.endsWith(y));
}

function ends(a: string, b: string, has: (long: string, short: string) => boolean): boolean {
  return a.length > b.length ? has(a, b) : has(b, a);
}
