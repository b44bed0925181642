import type { Position } from './record.ts';
import type { Coverage, Tag } from './tag.ts';

/** What was invalidated since stored responses were copied. A copy is dropped if one of `coverages` covers it. */
export type Missed =
  | { readonly known: true; readonly coverages: readonly Coverage[] }
  /**
   * There may be more than `coverages`, so the API has to confirm every copy. `why` completes the sentence "to be
   * revalidated: …".
   */
  | { readonly known: false; readonly why: string; readonly coverages: readonly Coverage[] };

/** The same of a log that goes on: its records after `asOf` are not in `coverages`, and reach the fence. */
export type MissedUntil = Missed & { readonly asOf: Position };

/**
 * How much can be missed: each name is held in memory, and each copy is compared with each pattern. Beyond that, it
 * takes less to ask the API.
 */
export const missedBounds = { tags: 100_000, patterns: 500, characters: 16 * 1024 * 1024 } as const;

export type MissedBounds = { readonly [key in keyof typeof missedBounds]: number };

/** Several coverages as one: every record that was missed applies to every copy, so their order says nothing. */
export class MissedCoverage {
  readonly #bounds: MissedBounds;
  readonly #tags = new Set<Tag>();
  readonly #patterns = new Set<string>();
  /** By their text: parts are arrays. */
  readonly #tagPatterns = new Map<string, readonly string[]>();
  #characters = 0;

  constructor(bounds: MissedBounds = missedBounds) {
    this.#bounds = bounds;
  }

  /** @returns what of it is new, undefined if nothing is */
  add({ tags, patterns, tagPatterns }: Coverage): Coverage | undefined {
    const newTags = [...tags].filter((tag) => !this.#tags.has(tag));
    const newPatterns = patterns.filter((pattern) => !this.#patterns.has(pattern));
    const newParts = tagPatterns.filter((parts) => !this.#tagPatterns.has(JSON.stringify(parts)));
    if (newTags.length + newPatterns.length + newParts.length === 0) return undefined;
    for (const tag of newTags) this.#tags.add(this.#counted(tag));
    for (const pattern of newPatterns) this.#patterns.add(this.#counted(pattern));
    for (const parts of newParts) this.#tagPatterns.set(this.#counted(JSON.stringify(parts)), parts);
    return { tags: new Set(newTags), patterns: newPatterns, tagPatterns: newParts };
  }

  /** More than the bounds allow. */
  get exceeded(): boolean {
    const { tags, patterns, characters } = this.#bounds;
    const allPatterns = this.#patterns.size + this.#tagPatterns.size;
    return this.#tags.size > tags || allPatterns > patterns || this.#characters > characters;
  }

  /** At most one. */
  get coverages(): readonly Coverage[] {
    if (this.#characters === 0) return [];
    return [{ tags: this.#tags, patterns: [...this.#patterns], tagPatterns: [...this.#tagPatterns.values()] }];
  }

  #counted(name: string): string {
    this.#characters += name.length;
    return name;
  }
}
