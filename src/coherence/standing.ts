import type { Renewed, Seq } from './bus.ts';
import type { Position } from './record.ts';

/**
 * Where a node stands in the shared log. It is in one of two states:
 *
 * ```
 * outside ── join ──► inside ── leave ──► outside
 * ```
 *
 * Inside, the node applies the records of one epoch in order, and may serve from memory while its lease holds. It
 * leaves when the bus is in another epoch, when records were trimmed before it read them, or when it failed to apply a
 * record. Outside, it serves nothing from memory, and renews until the bus lets it join. It keeps what it knew of the
 * log, but that is void.
 *
 * Each `leave` begins a new generation. Answers to questions of an earlier generation are void: the ends of other
 * writes, and records, may have been missed since.
 */
export class LogStanding {
  #epoch = '';
  #joined = false;
  #generation = 0;
  #joins = 0;
  #leaseMs: number;
  #applied: Seq = 0;
  #note = 0;
  /** The position of this node before the first record of the epoch. */
  #base: Position = 0;
  /** A node's positions only grow, also from one epoch to the next. */
  #lastPosition: Position = 0;
  /** The last record before this node joined. */
  #joinedAt: Seq = 0;
  /** Once this record is applied, none from before this node joined is missing in the second tier. */
  #publishedAt = Number.POSITIVE_INFINITY;

  constructor(leaseMs: number) {
    this.#leaseMs = leaseMs;
  }

  /** The node's epoch. Outside: the one that it left, so that it does not join a bus that was set back to it. */
  get epoch(): string {
    return this.#epoch;
  }

  get joined(): boolean {
    return this.#joined;
  }

  get generation(): number {
    return this.#generation;
  }

  /** How often the node has joined. Each time, its memory was emptied. */
  get joins(): number {
    return this.#joins;
  }

  /** The lease that all members keep to, in milliseconds. */
  get leaseMs(): number {
    return this.#leaseMs;
  }

  /** The last record that this node has applied. */
  get applied(): Seq {
    return this.#applied;
  }

  /** The last note that this node has read. */
  get note(): number {
    return this.#note;
  }

  /**
   * Whether every record from before this node joined is published to the second tier, or repeated and applied here, so
   * that nothing is found there that is older.
   */
  get published(): boolean {
    return this.#joined && this.#applied >= this.#publishedAt;
  }

  positionOf(seq: Seq): Position {
    return this.#base + seq;
  }

  /** @returns the position at which the node joins: after every one that it used, and after `highest` */
  join({ seq, note }: Renewed, highest: Position): Position {
    const position = Math.max(this.#lastPosition, highest) + 1;
    this.#base = position - seq;
    this.#lastPosition = position;
    this.#applied = seq;
    this.#note = note;
    this.#joinedAt = seq;
    this.#publishedAt = Number.POSITIVE_INFINITY;
    this.#joined = true;
    this.#joins += 1;
    return position;
  }

  renewed({ leaseMs, seq, unpublished }: Renewed): void {
    this.#leaseMs = leaseMs;
    // Records of a dead member are not published but repeated, and this node may have yet to read that.
    if (this.#joined && unpublished > this.#joinedAt) this.#publishedAt = Math.min(this.#publishedAt, seq);
  }

  applying(seq: Seq): void {
    this.#applied = seq;
    this.#lastPosition = this.positionOf(seq);
  }

  read(note: number): void {
    this.#note = note;
  }

  /** @param epoch the bus's epoch, if it is known and another one */
  leave(epoch: string = this.#epoch): void {
    this.#epoch = epoch;
    this.#joined = false;
    this.#generation += 1;
  }

  /** The node stops: it is outside. Its generation no longer matters. */
  stop(): void {
    this.#joined = false;
  }
}
