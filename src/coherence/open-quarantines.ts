import type { Timers } from '../clock.ts';
import type { OpenQuarantine, Seq } from './bus.ts';
import type { Appended } from './log.ts';
import type { Invalidation, Position } from './record.ts';
import { decodeRecord } from './wire-record.ts';

/** A record whose quarantine this node has to end. */
interface Own {
  readonly invalidation: Invalidation;
  place: Place;
}

interface Place {
  readonly epoch: string;
  readonly seq: Seq;
}

export interface OpenQuarantinesOptions {
  readonly timers: Timers;
  /** For records that do not say how long their window is. */
  readonly quarantineMs: number;
  epoch(): string;
  positionOf(seq: Seq): Position;
  append(invalidation: Invalidation): Promise<Appended>;
  /** Of what is appended for nobody. */
  failed(error: unknown): void;
}

/**
 * The records whose quarantine this node has to end: its own, and those that it took over from members that are gone. A
 * record is known by the position that its writer was told.
 */
export class OpenQuarantines {
  readonly #options: OpenQuarantinesOptions;
  readonly #own = new Map<Position, Own>();

  constructor(options: OpenQuarantinesOptions) {
    this.#options = options;
  }

  get size(): number {
    return this.#own.size;
  }

  get highest(): Position {
    return Math.max(0, ...this.#own.keys());
  }

  /** Its writer ends it. */
  add(position: Position, place: Place, invalidation: Invalidation): void {
    this.#own.set(position, { invalidation, place });
  }

  /** Nobody but this node ends it. */
  endLater(position: Position, place: Place, { coverage, announcements, quarantineMs }: Invalidation): void {
    const invalidation = { coverage, announcements, ...(quarantineMs !== undefined && { quarantineMs }) };
    const { timers, append, failed } = this.#options;
    this.#own.set(position, { invalidation, place });
    timers.after(quarantineMs ?? this.#options.quarantineMs, () => {
      append({ coverage, announcements, endsQuarantine: position }).catch(failed);
    });
  }

  /** Taken over from a member that is gone. */
  adopt(orphans: readonly OpenQuarantine[]): void {
    const epoch = this.#options.epoch();
    if (orphans.length === 0) return;
    const known = new Set([...this.#own.values()].map(({ place }) => (place.epoch === epoch ? place.seq : undefined)));
    for (const { seq, payload } of orphans) {
      if (!known.has(seq)) this.endLater(this.#options.positionOf(seq), { epoch, seq }, decodeRecord(payload));
    }
  }

  /** Where the record with this position is in an epoch; undefined where that epoch does not hold it. */
  seqOf(position: Position | undefined, epoch: string): Seq | undefined {
    const place = position === undefined ? undefined : this.#own.get(position)?.place;
    return place?.epoch === epoch ? place.seq : undefined;
  }

  /** A record that ends a quarantine is in the log. @param ends the place that it names there */
  ended(invalidation: Invalidation, epoch: string, ends: Seq | undefined): void {
    const position = invalidation.endsQuarantine as Position;
    const own = this.#own.get(position);
    const { append, failed } = this.#options;
    // It was put into a new epoch while the record that ends it was on its way.
    if (own?.place.epoch === epoch && own.place.seq !== ends) append(invalidation).catch(failed);
    else this.#own.delete(position);
  }

  /** This node has joined an epoch. One that is new knows of no indeterminate record: those that are open are put into it. */
  renew(): void {
    for (const [position, own] of this.#own) if (own.place.epoch !== this.#options.epoch()) this.#renew(position, own);
  }

  #renew(position: Position, own: Own): void {
    const { coverage, announcements, quarantineMs } = own.invalidation;
    const { append, failed } = this.#options;
    append({ coverage, announcements: [], quarantine: true, ...(quarantineMs !== undefined && { quarantineMs }) })
      .then(({ record }) => {
        const renewed = this.#own.get(record.position);
        if (renewed === undefined || record.position === position) return undefined;
        this.#own.delete(record.position);
        if (this.#own.has(position)) {
          own.place = renewed.place;
          return undefined;
        }
        // It has ended meanwhile.
        this.#own.set(record.position, renewed);
        return append({ coverage, announcements, endsQuarantine: record.position });
      })
      .catch(failed);
  }
}
