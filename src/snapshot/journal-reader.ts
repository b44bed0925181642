import { open } from 'node:fs/promises';
import { systemClock } from '../clock.ts';
import type { Coverage } from '../coherence/tag.ts';
import { decodeRecord } from '../coherence/wire-record.ts';
import { type JournalHeader, type JournalLine, journalVersion, readLine } from './journal-lines.ts';
import { Pace } from './pace.ts';

/** The last line of a segment. Undefined: it has none, so entries may be missing. */
export type SegmentEnd = 'next' | 'end' | undefined;

export interface ReadSegment {
  readonly header: JournalHeader | undefined;
  readonly end: SegmentEnd;
  /** Why entries may be missing, apart from what `end` says. */
  readonly why: string | undefined;
}

/** A segment may exceed its bound by its first and last line. */
const SLACK_BYTES = 4_096;
/** How long the event loop is held up at once. */
const SLICE_MS = 0.5;

const missing = 'its journal has a gap';
const damaged = 'its journal is damaged';

/** Reads a segment up to its first line that is torn or damaged. `covered` is told of each entry. */
export async function readSegment(
  path: string,
  bounds: { readonly bytes: number },
  covered: (coverage: Coverage) => void,
): Promise<ReadSegment> {
  const content = await contentOf(path, bounds.bytes + SLACK_BYTES);
  if (typeof content === 'string') return { header: undefined, end: undefined, why: content };
  let header: JournalHeader | undefined;
  let end: SegmentEnd;
  let why: string | undefined;
  const pace = new Pace(systemClock, SLICE_MS);
  const lines = linesOf(content);
  for (const line of lines) {
    if (line === undefined) return { header, end: undefined, why: why ?? damaged };
    const { kind, payload } = line;
    if (kind === 'begin') {
      const begun = header === undefined ? headerOf(payload) : damaged;
      if (typeof begun === 'string') return { header, end: undefined, why: begun };
      header = begun;
    } else if (header === undefined) return { header, end: undefined, why: damaged };
    else if (kind === 'cover') covered(decodeRecord(payload).coverage);
    else if (kind === 'lost') why = 'too much was invalidated since';
    // What follows the last line was not expected: the next round makes it none.
    end = kind === 'next' || kind === 'end' ? kind : undefined;
    if (pace.isOver) await pace.rest();
  }
  return { header, end, why: header === undefined ? damaged : why };
}

async function contentOf(path: string, most: number): Promise<Buffer | string> {
  try {
    const file = await open(path, 'r');
    try {
      const { size } = await file.stat();
      return size > most ? 'its journal is too large' : await file.readFile();
    } finally {
      await file.close();
    }
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return missing;
    return `its journal cannot be read (${(error as Error).message})`;
  }
}

/** Ends with undefined at a line that was torn, or is not the one that was written. */
function* linesOf(content: Buffer): Generator<JournalLine | undefined> {
  let checksum = 0;
  for (let from = 0; from < content.length; ) {
    const to = content.indexOf('\n', from);
    const line = to < 0 ? undefined : readLine(content.subarray(from, to), checksum);
    yield line;
    if (line === undefined) return;
    checksum = line.checksum;
    from = to + 1;
  }
}

function headerOf(payload: string): JournalHeader | string {
  try {
    const header = JSON.parse(payload) as JournalHeader;
    if (header.unstale !== 'journal') return damaged;
    return header.version === journalVersion ? header : 'its journal is of another version';
  } catch {
    return damaged;
  }
}
