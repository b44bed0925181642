import type { Timers } from '../clock.ts';
import type { OpenDoubt, Seq } from './bus.ts';
import type { Appended } from './log.ts';
import type { Invalidation, Position } from './record.ts';
import { decodeRecord } from './wire-record.ts';

/** An indeterminate record that this node has to settle. */
interface Own {
  readonly invalidation: Invalidation;
  place: Place;
}

interface Place {
  readonly epoch: string;
  readonly seq: Seq;
}

export interface UnsettledOptions {
  readonly timers: Timers;
  /** For records that do not say how long their window is. */
  readonly settleMs: number;
  epoch(): string;
  positionOf(seq: Seq): Position;
  append(invalidation: Invalidation): Promise<Appended>;
  /** Of what is appended for nobody. */
  failed(error: unknown): void;
}

/**
 * The indeterminate records that this node has to settle: its own, and those that it took over from members that are gone. A
 * record is known by the position that its writer was told.
 */
export class Unsettled {
  readonly #options: UnsettledOptions;
  readonly #own = new Map<Position, Own>();

  constructor(options: UnsettledOptions) {
    this.#options = options;
  }

  get size(): number {
    return this.#own.size;
  }

  get highest(): Position {
    return Math.max(0, ...this.#own.keys());
  }

  /** Its writer settles it. */
  add(position: Position, place: Place, invalidation: Invalidation): void {
    this.#own.set(position, { invalidation, place });
  }

  /** Nobody but this node settles it. */
  settleLater(position: Position, place: Place, { hits, announcements, settleMs }: Invalidation): void {
    const invalidation = { hits, announcements, ...(settleMs !== undefined && { settleMs }) };
    const { timers, append, failed } = this.#options;
    this.#own.set(position, { invalidation, place });
    timers.after(settleMs ?? this.#options.settleMs, () => {
      append({ hits, announcements, settled: position }).catch(failed);
    });
  }

  /** Taken over from a member that is gone. */
  adopt(orphans: readonly OpenDoubt[]): void {
    const epoch = this.#options.epoch();
    if (orphans.length === 0) return;
    const known = new Set([...this.#own.values()].map(({ place }) => (place.epoch === epoch ? place.seq : undefined)));
    for (const { seq, payload } of orphans) {
      if (!known.has(seq)) this.settleLater(this.#options.positionOf(seq), { epoch, seq }, decodeRecord(payload));
    }
  }

  /** Where the record with this position is in an epoch; undefined where that epoch does not hold it. */
  seqOf(position: Position | undefined, epoch: string): Seq | undefined {
    const place = position === undefined ? undefined : this.#own.get(position)?.place;
    return place?.epoch === epoch ? place.seq : undefined;
  }

  /** A record that ends the window of `invalidation.settled` is in the log. @param settles the place that it names there */
  settled(invalidation: Invalidation, epoch: string, settles: Seq | undefined): void {
    const position = invalidation.settled as Position;
    const own = this.#own.get(position);
    const { append, failed } = this.#options;
    // It was put into a new epoch while the record that ends it was on its way.
    if (own?.place.epoch === epoch && own.place.seq !== settles) append(invalidation).catch(failed);
    else this.#own.delete(position);
  }

  /** This node has joined an epoch. One that is new knows of no indeterminate record: those that are open are put into it. */
  renew(): void {
    for (const [position, own] of this.#own) if (own.place.epoch !== this.#options.epoch()) this.#renew(position, own);
  }

  #renew(position: Position, own: Own): void {
    const { hits, announcements, settleMs } = own.invalidation;
    const { append, failed } = this.#options;
    append({ hits, announcements: [], doubt: true, ...(settleMs !== undefined && { settleMs }) })
      .then(({ record }) => {
        const renewed = this.#own.get(record.position);
        if (renewed === undefined || record.position === position) return undefined;
        this.#own.delete(record.position);
        if (this.#own.has(position)) {
          own.place = renewed.place;
          return undefined;
        }
        // It was settled meanwhile.
        this.#own.set(record.position, renewed);
        return append({ hits, announcements, settled: record.position });
      })
      .catch(failed);
  }
}
