import { type Coverage, isCoveredBy, pathsOf, type Tagged } from '../coherence/tag.ts';
import { PatternError, PatternTrie } from '../route/pattern.ts';

/**
 * Whether any of several coverages covers a response: a snapshot has a million of them, and may have missed thousands.
 */
export class Matcher {
  readonly #others: readonly Coverage[];
  readonly #patterns = new PatternTrie<true>();

  constructor(coverages: readonly Coverage[]) {
    this.#others = coverages.map((coverage) => ({
      ...coverage,
      patterns: coverage.patterns.filter((pattern) => !this.#add(pattern)),
    }));
  }

  covers(response: Tagged): boolean {
    return (
      pathsOf(response).some((path) => this.#patterns.first(path) !== undefined) ||
      this.#others.some((coverage) => isCoveredBy(response, coverage))
    );
  }

  /** False if it has segments that are written in another way in routes, as `*.json` is. */
  #add(pattern: string): boolean {
    try {
      this.#patterns.add(pattern, true);
      return true;
    } catch (error) {
      if (error instanceof PatternError) return false;
      throw error;
    }
  }
}
