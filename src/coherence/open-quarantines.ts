import type { Timers } from '../clock.ts';
import type { OpenQuarantine, Seq } from './bus.ts';
import type { Appended } from './log.ts';
import type { Invalidation, Position } from './record.ts';
import { decodeRecord } from './wire-record.ts';

/** A record whose quarantine this node has to end. */
interface Own {
  readonly invalidation: Invalidation;
  at: LogPosition;
}

interface LogPosition {
  readonly epoch: string;
  readonly seq: Seq;
}

export interface OpenQuarantinesOptions {
  readonly timers: Timers;
  /** The length of quarantines whose records do not say it. */
  readonly quarantineMs: number;
  epoch(): string;
  positionOf(seq: Seq): Position;
  append(invalidation: Invalidation): Promise<Appended>;
  /** Reports a failed append that no writer waits for. */
  failed(error: unknown): void;
}

/**
 * The records whose quarantine this node has to end: its own, and those it took over from members that are gone. A
 * record is identified by the position that its writer was told.
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
    let highest = 0;
    for (const position of this.#own.keys()) highest = Math.max(highest, position);
    return highest;
  }

  /** The record's writer ends the quarantine. */
  add(position: Position, at: LogPosition, invalidation: Invalidation): void {
    this.#own.set(position, { invalidation, at });
  }

  /** Ends the quarantine when its time is over, since no writer will. */
  endLater(position: Position, at: LogPosition, { coverage, announcements, quarantineMs }: Invalidation): void {
    const invalidation = { coverage, announcements, ...(quarantineMs !== undefined && { quarantineMs }) };
    const { timers, append, failed } = this.#options;
    this.#own.set(position, { invalidation, at });
    timers.after(quarantineMs ?? this.#options.quarantineMs, () => {
      append({ coverage, announcements, endsQuarantine: position }).catch(failed);
    });
  }

  /** Takes over quarantines from members that are gone. */
  adopt(orphans: readonly OpenQuarantine[]): void {
    const epoch = this.#options.epoch();
    if (orphans.length === 0) return;
    const known = new Set([...this.#own.values()].map(({ at }) => (at.epoch === epoch ? at.seq : undefined)));
    for (const { seq, payload } of orphans) {
      if (!known.has(seq)) this.endLater(this.#options.positionOf(seq), { epoch, seq }, decodeRecord(payload));
    }
  }

  /** The `seq` in `epoch` of the record with this position. Undefined if that epoch does not hold the record. */
  seqOf(position: Position | undefined, epoch: string): Seq | undefined {
    const at = position === undefined ? undefined : this.#own.get(position)?.at;
    return at?.epoch === epoch ? at.seq : undefined;
  }

  /** A record that ends a quarantine is in the log. @param ends the `seq` that it names there */
  ended(invalidation: Invalidation, epoch: string, ends: Seq | undefined): void {
    const position = invalidation.endsQuarantine as Position;
    const own = this.#own.get(position);
    const { append, failed } = this.#options;
    // The quarantining record was appended to a new epoch while the record that ends it was in transit.
    if (own?.at.epoch === epoch && own.at.seq !== ends) append(invalidation).catch(failed);
    else this.#own.delete(position);
  }

  /** This node has joined an epoch. A new one has no indeterminate records, so the open ones are appended to it. */
  renew(): void {
    for (const [position, own] of this.#own) if (own.at.epoch !== this.#options.epoch()) this.#renew(position, own);
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
          own.at = renewed.at;
          return undefined;
        }
        // The quarantine has ended meanwhile.
        this.#own.set(record.position, renewed);
        return append({ coverage, announcements, endsQuarantine: record.position });
      })
      .catch(failed);
  }
}
