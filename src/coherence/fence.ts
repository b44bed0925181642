import type { LogRecord, Position } from './record.ts';
import { type Hits, isHit, type Tag, type Tagged } from './tag.ts';

/**
 * Tags whose last hit is remembered. A node that invalidates more distinct tags than this while one fill is under way
 * forgets the oldest, and fills that began before those are refused: memory is bounded, the fence never has a hole.
 */
const MAX_REMEMBERED_TAGS = 100_000;
const MAX_REMEMBERED_PATTERNS = 1_000;

/**
 * Invariant 1 (coherence.md): a response whose fill began at position s is stored only if no record after s hits any of
 * its tags; and invariant 6: nothing in doubt is stored until it has settled.
 */
export class Fence {
  #applied: Position = 0;
  /** In the order of their last hit, oldest first. */
  readonly #lastHit = new Map<Tag, Position>();
  #patternHits: { position: Position; hits: Hits }[] = [];
  /** What was hit at or before this position may be forgotten. */
  #forgotten: Position = 0;
  readonly #doubts = new Map<Position, Hits>();

  /** The applied position of this node: what a fill notes before it asks anyone for anything (`asOf`). */
  get applied(): Position {
    return this.#applied;
  }

  apply(record: LogRecord): void {
    this.#applied = record.position;
    for (const tag of record.hits.tags) {
      this.#lastHit.delete(tag);
      this.#lastHit.set(tag, record.position);
    }
    if (record.hits.patterns.length > 0 || record.hits.tagPatterns.length > 0) {
      this.#patternHits.push({ position: record.position, hits: record.hits });
    }
    if (record.doubt === true) this.#doubts.set(record.position, record.hits);
    if (record.settled !== undefined) this.#doubts.delete(record.settled);
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
    this.#doubts.clear();
    for (const doubt of doubts) this.#doubts.set(doubt.position, doubt.hits);
  }

  /** Whether a response whose fill began at `asOf` may be stored, or given to someone who arrived after `asOf`. */
  admits(response: Tagged, asOf: Position): boolean {
    if (asOf < this.#forgotten) return false;
    for (const tag of response.tags) {
      const position = this.#lastHit.get(tag);
      if (position !== undefined && position > asOf) return false;
    }
    for (let i = this.#patternHits.length - 1; i >= 0; i--) {
      const { position, hits } = this.#patternHits[i] as { position: Position; hits: Hits };
      if (position <= asOf) break;
      if (isHit(response, hits)) return false;
    }
    return true;
  }

  get hasDoubts(): boolean {
    return this.#doubts.size > 0;
  }

  /** What writes of unknown outcome, and origins that lag behind, may still change. */
  get openDoubts(): Hits[] {
    return [...this.#doubts.values()];
  }

  /** Whether a write of unknown outcome may still change this response at the origin. */
  inDoubt(response: Tagged): boolean {
    for (const hits of this.#doubts.values()) if (isHit(response, hits)) return true;
    return false;
  }

  #forget(): void {
    for (const [tag, position] of this.#lastHit) {
      if (this.#lastHit.size <= MAX_REMEMBERED_TAGS) break;
      this.#lastHit.delete(tag);
      this.#forgotten = Math.max(this.#forgotten, position);
    }
    if (this.#patternHits.length > MAX_REMEMBERED_PATTERNS) {
      const dropped = this.#patternHits.splice(0, this.#patternHits.length - MAX_REMEMBERED_PATTERNS);
      this.#forgotten = Math.max(this.#forgotten, ...dropped.map(({ position }) => position));
    }
  }
}
