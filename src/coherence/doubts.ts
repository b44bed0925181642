import { nameOf, ownText } from '../http/own-memory.ts';
import type { Position } from './record.ts';
import { type Hits, isHit, type Tag, type Tagged } from './tag.ts';
import { mayCarryMore, mayCover, type Representation, type TagKnowledge, tagsOf } from './write-set.ts';

/**
 * Tags and patterns of all writes that are in doubt at one time. Beyond it everything is, until those have settled: a flood of writes
 * that fail fills no memory.
 */
const MAX_NAMES = 100_000;
const MAX_PATTERN_CHARACTERS = 4_000_000;

interface Doubt {
  readonly names: readonly string[];
  readonly named: number;
  readonly characters: number;
}

const noTags: ReadonlySet<Tag> = new Set();

/** What writes of unknown outcome may still change: asked for each response that is to be stored, however many such writes there are. */
export class Doubts {
  readonly #open = new Map<Position, Doubt>();
  /** Of those of `open` that have any: most have tags alone, which are looked up at once. */
  readonly #patterned = new Map<Position, Hits>();
  /** Name of a tag → how many of `open` hit it. */
  readonly #names = new Map<string, number>();
  /** What did not fit: while one of these is open, everything is in doubt. */
  readonly #overflow = new Set<Position>();
  #nameCount = 0;
  /** Those of them that are declared tags, or an origin's, and no paths. */
  #named = 0;
  #patternCharacters = 0;

  open(position: Position, hits: Hits): void {
    this.settle(position);
    const characters = patternCharacters(hits);
    const fits = this.#patternCharacters + characters <= MAX_PATTERN_CHARACTERS;
    if (!fits || this.#nameCount + hits.tags.size > MAX_NAMES) {
      this.#overflow.add(position);
      return;
    }
    const names = [...hits.tags].map((tag) => ownText(nameOf(tag)));
    for (const name of names) this.#names.set(name, (this.#names.get(name) ?? 0) + 1);
    const { patterns, tagPatterns } = hits;
    if (characters > 0) this.#patterned.set(position, { tags: noTags, patterns, tagPatterns });
    const named = [...hits.tags].filter((tag) => tag.startsWith('t:')).length;
    this.#named += named;
    this.#open.set(position, { names, named, characters });
    this.#nameCount += names.length;
    this.#patternCharacters += characters;
  }

  settle(position: Position): void {
    this.#overflow.delete(position);
    const doubt = this.#open.get(position);
    if (doubt === undefined) return;
    this.#open.delete(position);
    this.#patterned.delete(position);
    this.#nameCount -= doubt.names.length;
    this.#named -= doubt.named;
    this.#patternCharacters -= doubt.characters;
    for (const name of doubt.names) {
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

  /** Whether one of them may cover what a write reads, of which not every tag is known. */
  mayCover(read: Representation, knowledge: TagKnowledge): boolean {
    if (this.#overflow.size > 0) return true;
    if (this.#open.size === 0) return false;
    if (this.hit({ path: read.path, tags: tagsOf(read) })) return true;
    // Which tags are open is not remembered, only that there are some.
    if (this.#named > 0 && mayCarryMore(read, knowledge)) return true;
    for (const hits of this.#patterned.values()) if (mayCover(hits, read, knowledge)) return true;
    return false;
  }

  hit(response: Tagged): boolean {
    if (this.#overflow.size > 0) return true;
    if (this.#open.size === 0) return false;
    if (response.tags.some((tag) => this.#names.has(nameOf(tag)))) return true;
    for (const hits of this.#patterned.values()) if (isHit(response, hits)) return true;
    return false;
  }
}

/** More than 0 where there is any. */
export function patternCharacters({ patterns, tagPatterns }: Hits): number {
  let characters = 0;
  for (const pattern of patterns) characters += pattern.length;
  for (const parts of tagPatterns) characters += 1 + parts.join('').length;
  return characters;
}
