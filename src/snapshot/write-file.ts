import { open, rename, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { type StoredResponse, UNCONFIRMED } from '../store/stored-response.ts';
import { encodeFooter, encodeHeader, type SnapshotFooter, type SnapshotHeader } from './format.ts';
import { FrameWriter } from './frame-writer.ts';
import type { Pace } from './pace.ts';
import type { Seal } from './seal.ts';

/** The name of the file in its folder. */
export const FILE_NAME = 'snapshot';

/** The name of one that is being written. */
export const temporaryName = (nonce: string): string => `${FILE_NAME}.${nonce}.tmp`;
export const isTemporary = (name: string): boolean => name.startsWith(`${FILE_NAME}.`) && name.endsWith('.tmp');

/** What a snapshot is made of. */
export interface Source {
  /** Keys, the most used first. */
  readonly keys: Iterable<string>;
  /** What is stored under a key now. */
  readonly variantsOf: (key: string) => readonly StoredResponse[];
  /** `skip`: it is of no use in a snapshot. */
  readonly judge: (response: StoredResponse) => 'keep' | 'skip' | 'per-user';
}

export interface WriteOptions {
  readonly folder: string;
  readonly nonce: string;
  readonly header: SnapshotHeader;
  readonly seal: Seal | undefined;
  readonly maxBytes: number;
  readonly pace: Pace;
}

/**
 * Writes a snapshot beside the last one, and puts it in its place once the disk has it. If that fails, nothing is left
 * of it, and the last one stays.
 */
export async function writeSnapshot(source: Source, options: WriteOptions): Promise<SnapshotFooter> {
  const { folder, nonce } = options;
  const temporary = join(folder, temporaryName(nonce));
  try {
    const footer = await write(temporary, source, options);
    await rename(temporary, join(folder, FILE_NAME));
    await syncFolder(folder);
    return footer;
  } catch (error) {
    await rm(temporary, { force: true });
    throw error;
  }
}

async function write(path: string, source: Source, { header, seal, maxBytes, pace }: WriteOptions) {
  // Responses may be personal, or secret in another way.
  const file = await open(path, 'wx', 0o600);
  try {
    const head = encodeHeader(header);
    await file.appendFile(head);
    const writer = new FrameWriter({ file, header: head, seal, maxBytes });
    const counts = await writeEntries(source, writer, pace).finally(() => writer.close());
    const footer = { ...counts, bytes: writer.bytes, checksum: writer.checksum };
    await file.appendFile(encodeFooter(footer));
    await file.sync();
    return footer;
  } finally {
    await file.close();
  }
}

async function writeEntries(
  { keys, variantsOf, judge }: Source,
  writer: FrameWriter,
  pace: Pace,
): Promise<Omit<SnapshotFooter, 'bytes' | 'checksum'>> {
  const left = { 'per-user': 0, 'no-room': 0 };
  let responses = 0;
  let unconfirmed = 0;
  for (const key of keys) {
    for (const response of variantsOf(key)) {
      const verdict = judge(response);
      if (verdict === 'per-user') left['per-user'] += 1;
      if (verdict !== 'keep') continue;
      const written = writer.add(response);
      // A promise for each response would be garbage, and there are a million of them.
      if (!(typeof written === 'boolean' ? written : await written)) {
        left['no-room'] += 1;
        continue;
      }
      responses += 1;
      if (response.asOf === UNCONFIRMED) unconfirmed += 1;
    }
    if (pace.isOver) await pace.rest();
  }
  await writer.flush();
  return { responses, unconfirmed, left };
}

/** Otherwise a new name in it may be gone after a loss of power. */
export async function syncFolder(path: string): Promise<void> {
  const folder = await open(path, 'r');
  try {
    await folder.sync();
  } finally {
    await folder.close();
  }
}
