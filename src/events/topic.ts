import { matchesParts } from '../coherence/tag.ts';
import { PatternError, parsePattern, patternShape, patternsOverlap } from '../route/pattern.ts';

/** What a subscriber wants to hear of: the union of path patterns and tags; neither means everything. */
export interface Filter {
  /** As written: `/steps/:id`, `/steps/7`. */
  readonly match: readonly string[];
  readonly tags: readonly string[];
}

/** Segments of all patterns with a wildcard of one subscription: each is a node of the index for as long as it lasts. */
export const MAX_SEGMENTS = 256;

/** One distinct filter, however many subscribers share it: an event is matched against it once. */
export class Topic {
  /** Equal for filters that let the same events through. */
  readonly key: string;
  /** Canonical, without wildcards. */
  readonly paths: readonly string[];
  /** Of literal, `*` and `**` segments. */
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
        'subscribe to fewer, or wider ones',
      );
    }
  }

  get isEverything(): boolean {
    return this.paths.length + this.patterns.length + this.tags.length + this.tagPatterns.length === 0;
  }

  /** Whether it hears of anything that a name with a wildcard covers. */
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

/** Whether some tag is in both; a `*` in either stands for any text. */
function tagsOverlap(a: string, b: string): boolean {
  if (!hasWildcard(a) && !hasWildcard(b)) return a === b;
  const [fixedA, fixedB] = [a.split('*'), b.split('*')];
  const prefix = ends(fixedA[0] ?? '', fixedB[0] ?? '', (x, y) => x.startsWith(y));
  if (!hasWildcard(a) || !hasWildcard(b)) {
    const [text, parts] = hasWildcard(a) ? [b, fixedA] : [a, fixedB];
    return matchesParts(text, parts);
  }
  // Two wildcards: their ends must agree; what lies between can always be filled in.
  return prefix && ends(fixedA.at(-1) ?? '', fixedB.at(-1) ?? '', (x, y) => x.endsWith(y));
}

function ends(a: string, b: string, has: (long: string, short: string) => boolean): boolean {
  return a.length > b.length ? has(a, b) : has(b, a);
}
