import { createHash } from 'node:crypto';
import type { Batch, Bus, Entry, Seq } from './bus.ts';
import type { ClusterStatus } from './cluster-status.ts';
import { MissedCoverage, type MissedUntil } from './missed.ts';
import type { Position } from './record.ts';
import { decodeRecord } from './wire-record.ts';

/** Where a node stands in the shared log. */
export interface LogMark {
  readonly epoch: string;
  /** The last record that the node has applied. */
  readonly seq: Seq;
  /** Of that record. A log that has another one there was set back. "": it could not be read, so nothing is known. */
  readonly digest: string;
}

export interface MissedRecordsOptions {
  /** As the log's, with its configuration. Without the log's contact: reading back says nothing of where it stands. */
  readonly bus: Bus;
  readonly log: { status(): ClusterStatus; positionOf(seq: Seq): Position };
  /** Where the node joined the log: its fence has every record since. */
  readonly joinedAt: () => Position;
}

/** No notes: they are about writes in flight. */
const NO_NOTES = Number.MAX_SAFE_INTEGER;

type Read = Batch | { readonly why: string };

/** Reads records of the shared log that a copy of stored responses has missed. */
export class MissedRecords {
  readonly #options: MissedRecordsOptions;

  constructor(options: MissedRecordsOptions) {
    this.#options = options;
  }

  /** What is stored from now on, or has been, has missed only records after this mark. */
  async mark(): Promise<LogMark> {
    const { epoch, applied: seq } = this.#options.log.status();
    if (seq === 0) return { epoch, seq, digest: '' };
    const read = await this.#read(epoch, seq - 1);
    const entry = 'why' in read ? undefined : read.entries[0];
    return { epoch, seq, digest: entry?.seq === seq ? digestOf(entry) : '' };
  }

  /**
   * The records after `mark` that the node has applied when this is called, or before it joined. It must have joined.
   *
   * @param mark of an earlier run, as it was found in a file
   */
  async since(mark: unknown): Promise<MissedUntil> {
    const { log } = this.#options;
    const { epoch, applied, resets, state } = log.status();
    const asOf = log.positionOf(applied);
    const missed = new MissedCoverage();
    // What this node has applied itself is not to be looked for.
    const inDoubt = (why: string): MissedUntil => {
      return { known: false, why, coverages: missed.coverages, asOf: this.#options.joinedAt() };
    };
    if (state === 'joining') return inDoubt('the other nodes cannot be reached');
    const why = await this.#after(mark, { epoch, applied }, missed);
    if (why !== undefined) {
      // What the log has is known nevertheless.
      if (!missed.exceeded) await this.#collect({ epoch, seq: 0, digest: '' }, applied, missed);
      return inDoubt(why);
    }
    const now = log.status();
    // It may have missed what came meanwhile, and what was read may be of a log that is over.
    if (now.epoch !== epoch || now.resets !== resets || now.state === 'joining') return inDoubt(left);
    return { known: true, coverages: missed.coverages, asOf };
  }

  /** @returns why there may be more than `missed` */
  async #after(
    mark: unknown,
    { epoch, applied }: Pick<ClusterStatus, 'epoch' | 'applied'>,
    missed: MissedCoverage,
  ): Promise<string | undefined> {
    if (!isMark(mark)) return 'it does not say where it stands in the log';
    if (mark.seq > 0 && mark.digest === '') return 'it was not known where it stood in the log';
    if (mark.epoch !== epoch) return 'the log has begun another epoch';
    if (mark.seq > applied) return 'the log was set back';
    return this.#collect(mark, applied, missed);
  }

  /** @returns why there may be more than `missed` */
  async #collect({ epoch, seq, digest }: LogMark, until: Seq, missed: MissedCoverage): Promise<string | undefined> {
    // The record at the mark is read too: it must be the one that the mark was made at.
    let last = Math.max(0, seq - 1);
    let why: string | undefined;
    while (last < until) {
      const read = await this.#read(epoch, last);
      if ('why' in read) return read.why;
      if (read.entries.length === 0) return gap;
      for (const entry of read.entries) {
        if (entry.seq !== last + 1) why ??= gap;
        last = entry.seq;
        if (last === seq && digestOf(entry) !== digest) return 'the log was set back';
        if (last === seq || last > until) continue;
        missed.add(decodeRecord(entry.payload).coverage);
        if (missed.exceeded) return 'too much was invalidated since';
      }
    }
    return why;
  }

  async #read(epoch: string, after: Seq): Promise<Read> {
    try {
      const answer = await this.#options.bus.read(epoch, after, NO_NOTES);
      return answer.ok ? answer : { why: left };
    } catch (error) {
      return { why: `the log cannot be read (${error instanceof Error ? error.message : String(error)})` };
    }
  }
}

const gap = 'the log does not reach back so far';
const left = 'the log has begun another epoch meanwhile';

function digestOf({ ref = '', payload }: Entry): string {
  return createHash('sha256')
    .update(JSON.stringify([ref, payload]))
    .digest('base64url');
}

function isMark(mark: unknown): mark is LogMark {
  const { epoch, seq, digest } = (mark ?? {}) as Partial<Record<keyof LogMark, unknown>>;
  return typeof epoch === 'string' && Number.isSafeInteger(seq) && Number(seq) >= 0 && typeof digest === 'string';
}
