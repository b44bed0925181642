import { matchesParts } from '../coherence/tag.ts';
import { withoutQuery } from '../route/path.ts';
import { PatternError, parsePattern, pathMatchesPattern, patternShape, patternsOverlap } from '../route/pattern.ts';
import type { Event } from './event.ts';
import type { Filter } from './filter.ts';
import { type Rights, unrestricted } from './rights.ts';

/** Limit on the segments of all wildcard patterns of one subscription. Each segment takes a node of the index. */
export const MAX_SEGMENTS = 256;

/** A distinct filter with distinct rights, shared by all its subscribers. An event is matched against it once. */
export class Topic {
  /** Equal for equivalent filters of subscribers with the same rights. */
  readonly key: string;
  readonly rights: Rights;
  /** Canonical paths without wildcards. */
  readonly paths: readonly string[];
  /** Patterns of literal, `*` and `**` segments. */
  readonly patterns: readonly string[];
  readonly tags: readonly string[];
  readonly tagPatterns: readonly string[];

  /** Its subscribers ask for all that they may see. */
  readonly isAll: boolean;

  /** @throws PatternError */
  constructor(asked: Filter, rights: Rights = unrestricted) {
    this.rights = rights;
    const isAll = asked.match.length + asked.tags.length === 0;
    this.isAll = isAll;
    // Indexed by what may be seen. Otherwise every event would be compared with the rights of every such subscriber.
    const filter = isAll ? (rights.grant ?? asked) : asked;
    const shapes = [...new Set(filter.match.map((pattern) => patternShape(parsePattern(pattern))))].sort();
    const tags = [...new Set(filter.tags)].sort();
    this.paths = shapes.filter((shape) => !hasWildcard(shape));
    this.patterns = shapes.filter(hasWildcard);
    this.tags = tags.filter((tag) => !hasWildcard(tag));
    this.tagPatterns = tags.filter(hasWildcard);
    this.key = JSON.stringify([shapes, tags, rights.key, isAll]);
    // Those of a token have been counted (`grantOf`), and have a folded form each at most.
    const counted = isAll ? [] : this.patterns;
    const segments = counted.reduce((sum, pattern) => sum + pattern.split('/').length - 1, 0);
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

  /**
   * The event as its subscribers may see it; undefined if they may not, or if the filter selects nothing of what they
   * may see.
   */
  view(event: Event): Event | undefined {
    const seen = this.rights.visible(event);
    return seen !== undefined && !this.isAll && !this.#selects(seen) ? undefined : seen;
  }

  /** Whether its subscribers ask for a tag, and may see it. */
  showsTag(tag: string): boolean {
    return (this.isEverything || this.overlapsTag(tag)) && this.rights.allows({ match: [], tags: [tag] });
  }

  #selects({ paths, tags }: Event): boolean {
    return paths.some((named) => this.#selectsPath(withoutQuery(named))) || tags.some((tag) => this.overlapsTag(tag));
  }

  #selectsPath(path: string): boolean {
    if (hasWildcard(path)) return this.overlapsPath(path);
    return this.paths.includes(path) || this.patterns.some((own) => pathMatchesPattern(path, own));
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
export function tagsOverlap(a: string, b: string): boolean {
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
