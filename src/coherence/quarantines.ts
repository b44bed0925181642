import { nameOf, ownText } from '../http/own-memory.ts';
import type { Position } from './record.ts';
import { type Coverage, isCoveredBy, type Tag, type Tagged } from './tag.ts';
import { mayCarryMore, mayCover, type Representation, type TagKnowledge, tagsOf } from './write-set.ts';

/**
 * Limits of the tags and patterns of all open quarantines together. Beyond them everything is quarantined until the
 * quarantines that did not fit have ended, so that a flood of failing writes cannot fill the memory.
 */
const MAX_NAMES = 100_000;
const MAX_PATTERN_CHARACTERS = 4_000_000;

interface Quarantine {
  readonly names: readonly string[];
  readonly until: number;
  readonly named: number;
  readonly characters: number;
}

const noTags: ReadonlySet<Tag> = new Set();

/** What indeterminate writes may still change. Every response is checked against it before it is stored. */
export class Quarantines {
  readonly #open = new Map<Position, Quarantine>();
  /** Those of `open` that have patterns. Most have tags alone, which `names` finds at once. */
  readonly #patterned = new Map<Position, Coverage>();
  /** Name of a tag → number of open quarantines that cover it. */
  readonly #names = new Map<string, number>();
  /** Quarantines beyond the limits. While one of them is open, everything is quarantined. */
  readonly #overflow = new Map<Position, number>();
  #nameCount = 0;
  /** How many of `nameCount` are tags that were declared, or sent by an origin, and not paths. */
  #named = 0;
  #patternCharacters = 0;

  /** @param until when it is expected to end; a record ends it */
  open(position: Position, coverage: Coverage, until: number): void {
    this.end(position);
    const characters = patternCharacters(coverage);
    const fits = this.#patternCharacters + characters <= MAX_PATTERN_CHARACTERS;
    if (!fits || this.#nameCount + coverage.tags.size > MAX_NAMES) {
      this.#overflow.set(position, until);
      return;
    }
    const names = [...coverage.tags].map((tag) => ownText(nameOf(tag)));
    for (const name of names) this.#names.set(name, (this.#names.get(name) ?? 0) + 1);
    const { patterns, tagPatterns } = coverage;
    if (characters > 0) this.#patterned.set(position, { tags: noTags, patterns, tagPatterns });
    const named = [...coverage.tags].filter((tag) => tag.startsWith('t:')).length;
    this.#named += named;
    this.#open.set(position, { names, until, named, characters });
    this.#nameCount += names.length;
    this.#patternCharacters += characters;
  }

  end(position: Position): void {
    this.#overflow.delete(position);
    const quarantine = this.#open.get(position);
    if (quarantine === undefined) return;
    this.#open.delete(position);
    this.#patterned.delete(position);
    this.#nameCount -= quarantine.names.length;
    this.#named -= quarantine.named;
    this.#patternCharacters -= quarantine.characters;
    for (const name of quarantine.names) {
      const left = (this.#names.get(name) ?? 0) - 1;
      if (left > 0) this.#names.set(name, left);
      else this.#names.delete(name);
    }
  }

  clear(): void {
    this.#open.clear();
    this.#patterned.clear();
    this.#names.clear();
    this.#overflow.clear();
    this.#nameCount = 0;
    this.#named = 0;
    this.#patternCharacters = 0;
  }

  /** Whether an open quarantine may cover what a write reads. Not every tag of that is known. */
  mayCover(read: Representation, knowledge: TagKnowledge): boolean {
    if (this.#overflow.size > 0) return true;
    if (this.#open.size === 0) return false;
    if (this.covers({ path: read.path, tags: tagsOf(read) })) return true;
    // Only the number of named tags is kept, not their families.
    if (this.#named > 0 && mayCarryMore(read, knowledge)) return true;
    for (const coverage of this.#patterned.values()) if (mayCover(coverage, read, knowledge)) return true;
    return false;
  }

  /** When the last of those ends that may cover what a write reads. Looks at each: called only if there is one. */
  lastUntil(read: Representation, knowledge: TagKnowledge): number {
    const names = new Set(tagsOf(read).map((tag) => nameOf(tag)));
    const carriesMore = mayCarryMore(read, knowledge);
    let last = Number.NEGATIVE_INFINITY;
    for (const until of this.#overflow.values()) last = Math.max(last, until);
    for (const [position, quarantine] of this.#open) {
      const coverage = this.#patterned.get(position);
      const concerns =
        (carriesMore && quarantine.named > 0) ||
        quarantine.names.some((name) => names.has(name)) ||
        (coverage !== undefined && mayCover(coverage, read, knowledge));
      if (concerns) last = Math.max(last, quarantine.until);
    }
    return last;
  }

  covers(response: Tagged): boolean {
    if (this.#overflow.size > 0) return true;
    if (this.#open.size === 0) return false;
    if (response.tags.some((tag) => this.#names.has(nameOf(tag)))) return true;
    for (const coverage of this.#patterned.values()) if (isCoveredBy(response, coverage)) return true;
    return false;
  }
}

/** 0 if the coverage has no patterns. */
export function patternCharacters({ patterns, tagPatterns }: Coverage): number {
  let characters = 0;
  for (const pattern of patterns) characters += pattern.length;
  for (const parts of tagPatterns) characters += 1 + parts.join('').length;
  return characters;
}
