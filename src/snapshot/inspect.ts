import { stat } from 'node:fs/promises';
import { join } from 'node:path';
import { systemClock } from '../clock.ts';
import { SnapshotFault, type SnapshotFooter, type SnapshotHeader } from './format.ts';
import { Pace } from './pace.ts';
import { SnapshotFile } from './read-file.ts';
import { FILE_NAME } from './write-file.ts';

/** What a snapshot says of itself. Whether a gateway loads it also depends on its configuration, and on its journal. */
export interface InspectedSnapshot {
  readonly path: string;
  /** Of the file. */
  readonly bytes: number;
  /** Absent where they cannot be read. */
  readonly savedAt?: string;
  readonly fingerprint?: string;
  readonly mark?: unknown;
  readonly encrypted?: boolean;
  readonly responses?: number;
  readonly unconfirmed?: number;
  readonly left?: SnapshotFooter['left'];
  /** What is wrong with it; absent if every checksum is right. */
  readonly fault?: string;
}

/**
 * Reads a snapshot, and compares its checksums. It needs no key.
 * @param path the file, or its folder
 * @throws Error there is no such file, or it cannot be read
 */
export async function inspectSnapshot(path: string): Promise<InspectedSnapshot> {
  const isFolder = (await stat(path)).isDirectory();
  const file = isFolder ? join(path, FILE_NAME) : path;
  const told = { path: file, bytes: (await stat(file)).size };
  let snapshot: SnapshotFile | undefined;
  try {
    snapshot = await SnapshotFile.open(file);
    const known = { ...told, ...summary(snapshot.header, snapshot.footer) };
    const fault = await faultOf(snapshot);
    return fault === undefined ? known : { ...known, fault };
  } catch (error) {
    if (error instanceof SnapshotFault) return { ...told, fault: error.message };
    throw error;
  } finally {
    await snapshot?.close();
  }
}

async function faultOf(snapshot: SnapshotFile): Promise<string | undefined> {
  try {
    await snapshot.verify(new Pace(systemClock, Number.POSITIVE_INFINITY));
    return undefined;
  } catch (error) {
    if (error instanceof SnapshotFault) return error.message;
    throw error;
  }
}

function summary({ savedAt, fingerprint, mark, cipher }: SnapshotHeader, footer: SnapshotFooter) {
  const { responses, unconfirmed, left } = footer;
  return { savedAt, fingerprint, mark, encrypted: cipher !== undefined, responses, unconfirmed, left };
}
