import { nameOf, ownText } from '../http/own-memory.ts';
import { patternCharacters, Quarantines } from './quarantines.ts';
import type { LogRecord, Position } from './record.ts';
import { type Coverage, isCoveredBy, type Tag, type Tagged } from './tag.ts';
import type { Representation, TagKnowledge } from './write-set.ts';

/**
 * How many tags have their last record remembered, long ones by their digest. If a node invalidates more distinct tags
 * during one fill, the fence forgets the oldest and refuses fills that began before them. Memory is bounded, and the
 * fence never has a hole.
 */
const MAX_REMEMBERED_TAGS = 100_000;
/** The same for patterns. One record may have many, and they may be long. */
const MAX_REMEMBERED_PATTERNS = 1_000;
const MAX_PATTERN_CHARACTERS = 4_000_000;

/** The part of a record's coverage that is not tags. */
interface PatternRecord {
  readonly position: Position;
  readonly coverage: Coverage;
  readonly characters: number;
}

interface OpenedQuarantine {
  readonly position: Position;
  readonly coverage: Coverage;
  readonly quarantineMs?: number | undefined;
}

const noTags: ReadonlySet<Tag> = new Set();

/**
 * Invariant 1 (coherence.md): a response whose fill began at position s is stored only if no record after s covers it.
 * Invariant 6: no response is stored while it is in quarantine.
 */
export class Fence {
  #applied: Position = 0;
  /** Name of a tag → position of its last record, oldest first. */
  readonly #lastCovered = new Map<string, Position>();
  #patternRecords: PatternRecord[] = [];
  #patternCharacters = 0;
  /** Records up to this position may have been forgotten. */
  #forgotten: Position = 0;
  readonly #quarantines = new Quarantines();
  readonly #monotonic: () => number;

  /** Without a clock a quarantine counts as if it had just been opened. */
  constructor(monotonic: () => number = () => 0) {
    this.#monotonic = monotonic;
  }

  /** The applied position of this node. A fill notes it before its first request (`asOf`). */
  get applied(): Position {
    return this.#applied;
  }

  apply(record: LogRecord): void {
    this.#applied = record.position;
    for (const tag of record.coverage.tags) {
      const name = nameOf(tag);
      this.#lastCovered.delete(name);
      this.#lastCovered.set(ownText(name), record.position);
    }
    const { patterns, tagPatterns } = record.coverage;
    if (patterns.length > 0 || tagPatterns.length > 0) {
      const coverage = { tags: noTags, patterns, tagPatterns };
      const characters = patternCharacters(coverage);
      this.#patternRecords.push({ position: record.position, coverage, characters });
      this.#patternCharacters += characters;
    }
    if (record.quarantine === true) this.#open(record);
    if (record.endsQuarantine !== undefined) this.#quarantines.end(record.endsQuarantine);
    this.#forget();
  }

  /**
   * Records were missed, or are void. Memory has been emptied, and every fill that began before is refused.
   * `quarantines`: those that are still open.
   */
  reset(position: Position, quarantines: readonly OpenedQuarantine[]): void {
    this.#applied = position;
    this.#forgotten = position;
    this.#lastCovered.clear();
    this.#patternRecords = [];
    this.#patternCharacters = 0;
    this.#quarantines.clear();
    for (const quarantine of quarantines) this.#open(quarantine);
  }

  #open({ position, coverage, quarantineMs }: OpenedQuarantine): void {
    this.#quarantines.open(position, coverage, this.#monotonic() + (quarantineMs ?? Number.POSITIVE_INFINITY));
  }

  /** Whether a response whose fill began at `asOf` may be stored, or sent to a client that arrived after `asOf`. */
  admits(response: Tagged, asOf: Position): boolean {
    if (asOf < this.#forgotten) return false;
    for (const tag of response.tags) {
      const position = this.#lastCovered.get(nameOf(tag));
      if (position !== undefined && position > asOf) return false;
    }
    for (let i = this.#patternRecords.length - 1; i >= 0; i--) {
      const { position, coverage } = this.#patternRecords[i] as PatternRecord;
      if (position <= asOf) break;
      if (isCoveredBy(response, coverage)) return false;
    }
    return true;
  }

  /** Whether an indeterminate write, or an origin that lags behind, may still change what a write reads. */
  readsQuarantined(reads: readonly Representation[], knowledge: TagKnowledge): boolean {
    return reads.some((each) => this.#quarantines.mayCover(each, knowledge));
  }

  /**
   * How long what a write reads stays in quarantine. Until then the indeterminate write may be applied, and finds the
   * resource where this one has moved it. `Infinity` if the record does not say.
   */
  quarantinedForMs(reads: readonly Representation[], knowledge: TagKnowledge): number {
    if (!this.readsQuarantined(reads, knowledge)) return 0;
    const until = Math.max(...reads.map((each) => this.#quarantines.lastUntil(each, knowledge)));
    return Math.max(0, until - this.#monotonic());
  }

  /** Whether an indeterminate write may still change this response at the origin. */
  isQuarantined(response: Tagged): boolean {
    return this.#quarantines.covers(response);
  }

  #forget(): void {
    if (this.#lastCovered.size > MAX_REMEMBERED_TAGS) this.#forgetTags();
    if (this.#patternRecords.length > 0) this.#forgetPatterns();
  }

  #forgetTags(): void {
    for (const [tag, position] of this.#lastCovered) {
      if (this.#lastCovered.size <= MAX_REMEMBERED_TAGS) break;
      this.#lastCovered.delete(tag);
      this.#forgotten = Math.max(this.#forgotten, position);
    }
  }

  #forgetPatterns(): void {
    let dropped = 0;
    for (const { position, characters } of this.#patternRecords) {
      const remembered = this.#patternRecords.length - dropped;
      if (remembered <= MAX_REMEMBERED_PATTERNS && this.#patternCharacters <= MAX_PATTERN_CHARACTERS) break;
      dropped += 1;
      this.#patternCharacters -= characters;
      this.#forgotten = Math.max(this.#forgotten, position);
    }
    if (dropped > 0) this.#patternRecords.splice(0, dropped);
  }
}
