import { type PatternMatch, PatternTrie } from '../route/pattern.ts';
import { inOneCase, type PathDifference, plainPattern, spelledPlainly } from '../route/spelling.ts';

/** Which differences make no difference to an origin, and where. */
export interface IgnoredDifferences {
  /** What the origin of a resource ignores in its path. */
  ignoredAt(resource: string): readonly PathDifference[];
  /** All that `ignoredAt` returns, but for the empty list. */
  readonly ignored: readonly (readonly PathDifference[])[];
}

/**
 * Params are those of the plain spelling: the id of `/items/1.json` is 1. One that is the extension has no value where
 * the path has none.
 */
export interface SpelledMatch<T> extends PatternMatch<T> {
  /** Params of the path as it was sent, if they differ: an id may have a dot of its own. */
  readonly asSent?: PatternMatch<T>['params'];
}

interface Reading<T> {
  /** Patterns without an ignored extension, for plain spellings. */
  readonly plain: PatternTrie<T>;
  /** Patterns as they are written. The same trie if only letters' case is ignored. */
  readonly written: PatternTrie<T>;
}

/** Patterns that find what they name under every spelling that its origin takes for the same. */
export class SpelledPatterns<T extends object> {
  readonly #differences: IgnoredDifferences;
  readonly #written = new PatternTrie<T>();
  readonly #readings: ReadonlyMap<readonly PathDifference[], Reading<T>>;
  readonly #order = new Map<T, number>();

  constructor(differences: IgnoredDifferences) {
    this.#differences = differences;
    this.#readings = new Map(differences.ignored.map((ignored) => [ignored, this.#readingOf(ignored)]));
  }

  #readingOf(ignored: readonly PathDifference[]): Reading<T> {
    const ignoresCase = ignored.includes('case');
    const plain = new PatternTrie<T>(ignoresCase ? inOneCase : undefined);
    if (!ignoresCase) return { plain, written: this.#written };
    return { plain, written: ignored.length === 1 ? plain : new PatternTrie<T>(inOneCase) };
  }

  /**
   * @param data an object of its own for each pattern
   * @throws PatternError
   */
  add(pattern: string, data: T): void {
    this.#order.set(data, this.#order.size);
    this.#written.add(pattern, data);
    for (const [ignored, { plain, written }] of this.#readings) {
      plain.add(plainPattern(pattern, ignored), data);
      if (written !== plain && written !== this.#written) written.add(pattern, data);
    }
  }

  /** One match for each pattern that the canonical path matches, in the order in which they were added. */
  matches(resource: string): SpelledMatch<T>[] {
    const ignored = this.#differences.ignoredAt(resource);
    const reading = this.#readings.get(ignored);
    if (reading === undefined) return this.#written.matches(resource);
    const plain = reading.plain.matches(spelledPlainly(resource, ignored));
    if (reading.plain === reading.written) return plain;
    return this.#merged(plain, reading.written.matches(resource));
  }

  /** The first pattern that matches the path as it was sent, letter by letter. */
  first(resource: string): PatternMatch<T> | undefined {
    return this.#written.first(resource);
  }

  /**
   * Each pattern that may be the first to match some spelling: the first for the path as it was sent, and all for its
   * plain spelling. For that, `/items/:id.json` is `/items/:id`, and must not hide what matches `/items/1.xml`.
   */
  firstCandidates(resource: string): PatternMatch<T>[] {
    const ignored = this.#differences.ignoredAt(resource);
    const reading = this.#readings.get(ignored);
    const plain = reading === undefined ? [] : reading.plain.matches(spelledPlainly(resource, ignored));
    if (reading !== undefined && reading.plain === reading.written) return plain;
    const sent = (reading?.written ?? this.#written).first(resource);
    if (sent === undefined) return plain;
    const others = plain.flatMap((match) => {
      if (match.data !== sent.data) return [match];
      const params = { ...sent.params, ...match.params };
      return haveSameParams(sent.params, params) ? [] : [{ ...match, params }];
    });
    return [sent, ...others];
  }

  #merged(plain: readonly PatternMatch<T>[], sent: readonly PatternMatch<T>[]): SpelledMatch<T>[] {
    const found = new Map<T, SpelledMatch<T>>(plain.map((match) => [match.data, match]));
    for (const match of sent) {
      const { data } = match;
      const params = { ...match.params, ...found.get(data)?.params };
      found.set(data, haveSameParams(match.params, params) ? { data, params } : { data, params, asSent: match.params });
    }
    return [...found.values()].sort((a, b) => this.#orderOf(a) - this.#orderOf(b));
  }

  #orderOf({ data }: PatternMatch<T>): number {
    return this.#order.get(data) as number;
  }
}

type Params = Readonly<Record<string, string>>;

/** Both are matches of one pattern, so they have the same names. */
function haveSameParams(a: Params, b: Params): boolean {
  return Object.keys(a).every((name) => a[name] === b[name]);
}
