import { randomBytes } from 'node:crypto';
import { closeSync, fsyncSync, mkdirSync, openSync, readdirSync, statSync, unlinkSync } from 'node:fs';
import { join } from 'node:path';
import { type Missed, MissedCoverage } from '../coherence/missed.ts';
import type { Coverage } from '../coherence/tag.ts';
import { encodeRecord } from '../coherence/wire-record.ts';
import { type JournalHeader, JournalWriter, journalVersion } from './journal-lines.ts';
import { readSegment, type SegmentEnd } from './journal-reader.ts';
import type { Journal, Segment } from './ports.ts';

/**
 * What the journal keeps at most: of one run in each segment, and of earlier runs in all. Beyond that, what a snapshot
 * has missed is not known. The names are bounded too (coherence/missed.ts).
 */
export const journalBounds = { entries: 100_000, bytes: 16 * 1024 * 1024 } as const;

export interface FileJournalOptions {
  readonly bounds?: { readonly [key in keyof typeof journalBounds]: number };
  /** The journal cannot be written: the run does not end cleanly. */
  readonly failed: (error: unknown) => void;
}

const segmentName = /^journal-(\d{1,15})$/;
const nonceOf = (): string => randomBytes(9).toString('base64url');

/**
 * Files `journal-<n>` of lines, each with a checksum that continues the one of the line before. The first line of a
 * segment names it and its run; the last one says that the run goes on in the next segment, or that it has ended. What
 * is missing is noticed: a run that did not say that it ended, a segment without a last line, a number that is left
 * out. A segment's name in snapshots has a nonce, so that files of another time are never taken for it.
 *
 * Whoever opens it must be the only process that uses the folder.
 */
export class FileJournal implements Journal {
  readonly #folder: string;
  readonly #options: Required<FileJournalOptions>;
  readonly #run = nonceOf();
  /** The number of this run's first segment. */
  readonly #first: number;
  #number: number;
  #id: Segment;
  #writer: JournalWriter;
  #entries = 0;
  #seen = new MissedCoverage();
  /** The segment has no last line, and gets none: it lacks an entry. */
  #incomplete = false;
  #ended = false;

  /**
   * Begins a run. From then on it leaves a trace, whatever becomes of it.
   * @throws Error the folder cannot be written
   */
  static open(folder: string, options: FileJournalOptions): FileJournal {
    return new FileJournal(folder, { bounds: journalBounds, ...options });
  }

  private constructor(folder: string, options: Required<FileJournalOptions>) {
    this.#folder = folder;
    this.#options = options;
    mkdirSync(folder, { recursive: true });
    const earlier = this.#numbers();
    // Nothing refers to a segment that has no place: what refers to a missing one is not trusted.
    if (this.#bytesOf(earlier) > options.bounds.bytes) this.#unlink(earlier);
    this.#first = (earlier.at(-1) ?? 0) + 1;
    this.#number = this.#first;
    this.#id = `${this.#number}_${nonceOf()}`;
    this.#writer = this.#create(this.#number, this.#id);
    // After a power failure, a run that has served must not look as if it had never been.
    this.#writer.sync();
    syncNow(folder);
  }

  rotate(): Segment {
    const number = this.#number + 1;
    const id = `${number}_${nonceOf()}`;
    const writer = this.#create(number, id);
    const before = this.#writer;
    if (!this.#incomplete) this.#try(() => before.write('next', ''));
    this.#number = number;
    this.#id = id;
    this.#writer = writer;
    this.#entries = 0;
    this.#seen = new MissedCoverage();
    this.#incomplete = false;
    this.#close(before);
    return id;
  }

  append(coverage: Coverage): void {
    if (this.#incomplete) return;
    if (this.#ended) {
      this.#reopen(coverage);
      return;
    }
    this.#try(() => {
      const unseen = this.#seen.add(coverage);
      if (unseen === undefined) return;
      this.#entries += 1;
      const { entries, bytes } = this.#options.bounds;
      const payload = payloadOf(unseen);
      if (this.#entries > entries || this.#writer.bytes + payload.length > bytes || this.#seen.exceeded) this.#lose();
      else this.#writer.write('cover', payload);
    });
  }

  async since(segment: Segment): Promise<Missed> {
    const first = numberOf(segment);
    if (!(first < this.#first)) return { known: false, why: 'its journal is not of an earlier run', coverages: [] };
    const numbers = this.#numbers().filter((number) => number >= first && number < this.#first);
    const missed = new MissedCoverage();
    let why = numbers.length < this.#first - first ? 'its journal has a gap' : undefined;
    let before: (JournalHeader & { readonly end: SegmentEnd }) | undefined;
    for (const number of numbers) {
      const read = await readSegment(this.#pathOf(number), this.#options.bounds, (coverage) => missed.add(coverage));
      why ??= read.why ?? gapBetween(before, read.header);
      if (number === first && read.header?.id !== segment) why ??= 'its journal is another one';
      if (missed.exceeded) return { known: false, why: tooMuch, coverages: missed.coverages };
      before = read.header && { ...read.header, end: read.end };
    }
    if (before?.end !== 'end') why ??= unclean;
    const { coverages } = missed;
    return why === undefined ? { known: true, coverages } : { known: false, why, coverages };
  }

  /** What this and later segments have, for a process that does not own them: maybe not all. Undefined: it is gone. */
  static async read(folder: string, segment: Segment): Promise<readonly Coverage[] | undefined> {
    const missed = new MissedCoverage();
    const numbers = numbersIn(folder).filter((number) => number >= numberOf(segment));
    for (const number of numbers) {
      await readSegment(join(folder, `journal-${number}`), journalBounds, (coverage) => missed.add(coverage));
      if (missed.exceeded) break;
    }
    // The oldest go first, once a newer snapshot is there.
    return numbersIn(folder).includes(numberOf(segment)) ? missed.coverages : undefined;
  }

  release(segment: Segment): void {
    const kept = numberOf(segment);
    this.#try(() => this.#unlink(this.#numbers().filter((number) => number < Math.min(kept, this.#number))));
  }

  end(): void {
    if (this.#ended) return;
    this.#ended = true;
    this.#try(() => {
      if (!this.#incomplete) this.#writer.write('end', '');
      this.#writer.sync();
    });
    this.#close(this.#writer);
  }

  /** A write that nobody waited for is recorded after the end. So it was not the end. */
  #reopen(coverage: Coverage): void {
    this.#incomplete = true;
    this.#try(() => {
      const writer = JournalWriter.goOn(this.#pathOf(this.#number), this.#writer);
      writer.write('cover', payloadOf(coverage));
      writer.close();
    });
  }

  /** There is too much. Earlier segments are of no use without this one. */
  #lose(): void {
    this.#incomplete = true;
    this.#seen = new MissedCoverage();
    this.#try(() => this.#writer.write('lost', ''));
    this.#try(() => this.#unlink(this.#numbers().filter((number) => number < this.#number)));
  }

  /** Every line is with the operating system already. */
  #close(writer: JournalWriter): void {
    try {
      writer.close();
    } catch (error) {
      this.#options.failed(error);
    }
  }

  #try(step: () => void): void {
    try {
      step();
    } catch (error) {
      this.#incomplete = true;
      this.#options.failed(error);
    }
  }

  #create(number: number, id: Segment): JournalWriter {
    const header: JournalHeader = { unstale: 'journal', version: journalVersion, id, run: this.#run };
    const writer = JournalWriter.create(this.#pathOf(number));
    try {
      writer.write('begin', JSON.stringify(header));
    } catch (error) {
      writer.close();
      unlinkSync(this.#pathOf(number));
      throw error;
    }
    return writer;
  }

  #pathOf(number: number): string {
    return join(this.#folder, `journal-${number}`);
  }

  #numbers(): number[] {
    return numbersIn(this.#folder);
  }

  #bytesOf(numbers: readonly number[]): number {
    return numbers.reduce((sum, number) => sum + statSync(this.#pathOf(number)).size, 0);
  }

  /** Oldest first: what is left if the process dies has no gap. */
  #unlink(numbers: readonly number[]): void {
    for (const number of numbers) unlinkSync(this.#pathOf(number));
  }
}

const unclean = 'the gateway did not stop cleanly';
const tooMuch = 'too much was invalidated since';

function numbersIn(folder: string): number[] {
  const names = readdirSync(folder).flatMap((name) => segmentName.exec(name)?.[1] ?? []);
  return names.map(Number).sort((a, b) => a - b);
}

/** NaN for a name of another form. */
function numberOf(segment: Segment): number {
  return Number(/^(\d{1,15})_/.exec(segment)?.[1]);
}

function payloadOf(coverage: Coverage): string {
  return encodeRecord({ coverage, announcements: [], at: '' });
}

/** Why a segment does not go on where the one before has ended. */
function gapBetween(
  before: (JournalHeader & { readonly end: SegmentEnd }) | undefined,
  after: JournalHeader | undefined,
): string | undefined {
  if (before === undefined || after === undefined) return undefined;
  return before.run === after.run ? gapUnless(before.end === 'next') : gapUnless(before.end === 'end');
}

function gapUnless(clean: boolean): string | undefined {
  return clean ? undefined : unclean;
}

function syncNow(folder: string): void {
  const descriptor = openSync(folder, 'r');
  try {
    fsyncSync(descriptor);
  } finally {
    closeSync(descriptor);
  }
}
