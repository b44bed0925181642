import { nameOf, ownText } from '../http/own-memory.ts';
import { Doubts, patternCharacters } from './doubts.ts';
import type { LogRecord, Position } from './record.ts';
import { type Hits, isHit, type Tag, type Tagged } from './tag.ts';
import type { Representation, TagKnowledge } from './write-set.ts';

/**
 * Tags whose last hit is remembered, long ones by their digest. A node that invalidates more distinct tags than this while one fill is
 * under way forgets the oldest, and fills that began before those are refused: memory is bounded, the fence never has a hole.
 */
const MAX_REMEMBERED_TAGS = 100_000;
/** The same for patterns, of which one record may have many, and long ones. */
const MAX_REMEMBERED_PATTERNS = 1_000;
const MAX_PATTERN_CHARACTERS = 4_000_000;

/** What a record hits beside its tags. */
interface PatternHit {
  readonly position: Position;
  readonly hits: Hits;
  readonly characters: number;
}

const noTags: ReadonlySet<Tag> = new Set();

/**
 * Invariant 1 (coherence.md): a response whose fill began at position s is stored only if no record after s hits any of
 * its tags; and invariant 6: nothing in doubt is stored until it has settled.
 */
export class Fence {
  #applied: Position = 0;
  /** By name, in the order of their last hit, oldest first. */
  readonly #lastHit = new Map<string, Position>();
  #patternHits: PatternHit[] = [];
  #patternCharacters = 0;
  /** What was hit at or before this position may be forgotten. */
  #forgotten: Position = 0;
  readonly #doubts = new Doubts();

  /** The applied position of this node: what a fill notes before it asks anyone for anything (`asOf`). */
  get applied(): Position {
    return this.#applied;
  }

  apply(record: LogRecord): void {
    this.#applied = record.position;
    for (const tag of record.hits.tags) {
      const name = nameOf(tag);
      this.#lastHit.delete(name);
      this.#lastHit.set(ownText(name), record.position);
    }
    const { patterns, tagPatterns } = record.hits;
    if (patterns.length > 0 || tagPatterns.length > 0) {
      const hits = { tags: noTags, patterns, tagPatterns };
      const characters = patternCharacters(hits);
      this.#patternHits.push({ position: record.position, hits, characters });
      this.#patternCharacters += characters;
    }
    if (record.doubt === true) this.#doubts.open(record.position, record.hits);
    if (record.settled !== undefined) this.#doubts.settle(record.settled);
    this.#forget();
  }

  /**
   * Records were missed, or mean nothing any longer: memory has been emptied, and every fill that began before is refused.
   * `doubts`: what has not settled yet.
   */
  reset(position: Position, doubts: readonly { position: Position; hits: Hits }[]): void {
    this.#applied = position;
    this.#forgotten = position;
    this.#lastHit.clear();
    this.#patternHits = [];
    this.#patternCharacters = 0;
    this.#doubts.clear();
    for (const doubt of doubts) this.#doubts.open(doubt.position, doubt.hits);
  }

  /** Whether a response whose fill began at `asOf` may be stored, or given to someone who arrived after `asOf`. */
  admits(response: Tagged, asOf: Position): boolean {
    if (asOf < this.#forgotten) return false;
    for (const tag of response.tags) {
      const position = this.#lastHit.get(nameOf(tag));
      if (position !== undefined && position > asOf) return false;
    }
    for (let i = this.#patternHits.length - 1; i >= 0; i--) {
      const { position, hits } = this.#patternHits[i] as PatternHit;
      if (position <= asOf) break;
      if (isHit(response, hits)) return false;
    }
    return true;
  }

  /** Whether a write of unknown outcome, or an origin that lags behind, may still change what a write reads. */
  isQuarantined(reads: readonly Representation[], knowledge: TagKnowledge): boolean {
    return reads.some((each) => this.#doubts.mayCover(each, knowledge));
  }

  /** Whether a write of unknown outcome may still change this response at the origin. */
  inDoubt(response: Tagged): boolean {
    return this.#doubts.hit(response);
  }

  #forget(): void {
    for (const [tag, position] of this.#lastHit) {
      if (this.#lastHit.size <= MAX_REMEMBERED_TAGS) break;
      this.#lastHit.delete(tag);
      this.#forgotten = Math.max(this.#forgotten, position);
    }
    let dropped = 0;
    for (const { position, characters } of this.#patternHits) {
      const remembered = this.#patternHits.length - dropped;
      if (remembered <= MAX_REMEMBERED_PATTERNS && this.#patternCharacters <= MAX_PATTERN_CHARACTERS) break;
      dropped += 1;
      this.#patternCharacters -= characters;
      this.#forgotten = Math.max(this.#forgotten, position);
    }
    if (dropped > 0) this.#patternHits.splice(0, dropped);
  }
}
