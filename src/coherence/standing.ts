import type { Renewed, Seq } from './bus.ts';
import type { Position } from './record.ts';

/**
 * Where a node stands in the shared log. It is in one of two states:
 *
 *     outside --- join ---> inside --- leave ---> outside
 *
 * Inside, the node applies the records of one epoch in their order, and may serve from memory while its lease holds. It leaves when
 * the bus is in another epoch, when records were trimmed before it read them, and when a record could not be applied. Outside, it
 * serves nothing from memory and renews until the bus lets it join. What it knew of the log is kept, but void.
 *
 * Each `leave` begins a new generation. Answers to questions of an earlier generation are void: ends of other writes, and records,
 * may have been missed since.
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
  /** Positions of a node only grow, over epochs too. */
  #lastPosition: Position = 0;
  /** The last record before this node joined, and whether the second tier knows all records up to it. */
  #behind: { readonly seq: Seq; known: boolean } = { seq: 0, known: false };

  constructor(leaseMs: number) {
    this.#leaseMs = leaseMs;
  }

  /** The epoch that the node is in. Outside: the one that it left, so that a bus that was set back to it does not continue it. */
  get epoch(): string {
    return this.#epoch;
  }

  get joined(): boolean {
    return this.#joined;
  }

  get generation(): number {
    return this.#generation;
  }

  /** How often the node has joined: each time memory was emptied. */
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

  /** Whether the second tier knows every record from before this node joined, so that nothing found there is older. */
  get published(): boolean {
    return this.#joined && this.#behind.known;
  }

  positionOf(seq: Seq): Position {
    return this.#base + seq;
  }

  /** @returns the position at which the node joins: behind every one that it used, and behind `highest` */
  join({ seq, note }: Renewed, highest: Position): Position {
    const position = Math.max(this.#lastPosition, highest) + 1;
    this.#base = position - seq;
    this.#lastPosition = position;
    this.#applied = seq;
    this.#note = note;
    this.#behind = { seq, known: false };
    this.#joined = true;
    this.#joins += 1;
    return position;
  }

  renewed({ leaseMs, unpublished }: Renewed): void {
    this.#leaseMs = leaseMs;
    if (this.#joined) this.#behind.known ||= unpublished > this.#behind.seq;
  }

  applying(seq: Seq): void {
    this.#applied = seq;
    this.#lastPosition = this.positionOf(seq);
  }

  read(note: number): void {
    this.#note = note;
  }

  /** @param epoch the one that the bus is in, where that is another one and known */
  leave(epoch: string = this.#epoch): void {
    this.#epoch = epoch;
    this.#joined = false;
    this.#generation += 1;
  }

  /** The node stops: it is outside, and its generation does not matter any more. */
  stop(): void {
    this.#joined = false;
  }
}
