import { crc32 } from 'node:zlib';

/*
 * The file of a snapshot:
 *
 *   magic, 16 octets · format, u32 · length of the header, u32 · CRC-32 of the header, u32 · header (JSON)
 *   frames: length, u32 · CRC-32, u32 · octets: deflated, then encrypted if there is a key
 *   0, u32 · footer (JSON) · length of the footer, u32 · CRC-32 of the footer, u32 · magic, 16 octets
 *
 * The frames together are one text of entries (entry.ts). A file without its footer is of a save that has not ended.
 */

export const BEGINS = Buffer.from('unstale-snapshot');
const ENDS = Buffer.from('unstale-snap-end');
/** Raised by each change of the layout, or of what is in it. */
const FORMAT = 1;
/**
 * Of entries, before they are deflated. On a single core, requests wait while a frame is deflated by another thread.
 */
export const FRAME_BYTES = 64 * 1024;
/** What one of them may take in memory: earlier versions have written longer ones. */
export const MAX_INFLATED_BYTES = 256 * 1024;
/** A frame that does not become smaller, with its authentication tag. */
export const MAX_FRAME_BYTES = MAX_INFLATED_BYTES + 64 * 1024;
export const HEAD_BYTES = BEGINS.length + 12;
export const TAIL_BYTES = ENDS.length + 8;
const MAX_JSON_BYTES = 64 * 1024;

export interface SnapshotHeader {
  /** ISO 8601. */
  readonly savedAt: string;
  /** Digest of the configuration that decides how responses are stored, and what writes invalidate. */
  readonly fingerprint: string;
  /** Where the log stood before the first response was written: records from then on may cover any of them. */
  readonly mark: unknown;
  /** Absent: not encrypted. `check` tells whether a key is the one. */
  readonly cipher?: { readonly name: 'aes-256-gcm'; readonly salt: string; readonly check: string };
}

export interface SnapshotFooter {
  readonly responses: number;
  /** Those of them that the origin has not confirmed since an earlier load. */
  readonly unconfirmed: number;
  /** Of the file up to the footer. */
  readonly bytes: number;
  /** CRC-32 of the CRC-32 of the header, and those of all frames. */
  readonly checksum: number;
  readonly left: Readonly<Record<'per-user' | 'no-room', number>>;
}

/** A file is not a snapshot that this gateway can use. The message completes the sentence "not loaded: …". */
export class SnapshotFault extends Error {}

export function encodeHeader(header: SnapshotHeader): Buffer {
  const text = Buffer.from(JSON.stringify(header));
  return Buffer.concat([BEGINS, words(FORMAT, text.length, crc32(text)), text]);
}

/** Of the first octets of a file: how long its header is. @throws SnapshotFault */
export function headerLength(head: Buffer): { readonly length: number; readonly checksum: number } {
  if (head.length < HEAD_BYTES || !head.subarray(0, BEGINS.length).equals(BEGINS))
    throw new SnapshotFault('the file is no snapshot of this gateway');
  const format = head.readUInt32BE(BEGINS.length);
  if (format !== FORMAT) {
    const age = format > FORMAT ? 'a newer' : 'an older';
    throw new SnapshotFault(`the snapshot is of ${age} version of the gateway (format ${format}, not ${FORMAT})`);
  }
  const length = head.readUInt32BE(BEGINS.length + 4);
  if (length > MAX_JSON_BYTES) throw new SnapshotFault('the header of the snapshot is damaged');
  return { length, checksum: head.readUInt32BE(BEGINS.length + 8) };
}

/** @throws SnapshotFault */
export function decodeHeader(text: Buffer, checksum: number): SnapshotHeader {
  const header = decoded(text, checksum, 'header') as Partial<SnapshotHeader>;
  const { savedAt, fingerprint } = header;
  if (typeof savedAt !== 'string' || typeof fingerprint !== 'string') throw damaged('header');
  return header as SnapshotHeader;
}

export function encodeFooter(footer: SnapshotFooter): Buffer {
  const text = Buffer.from(JSON.stringify(footer));
  return Buffer.concat([words(0), text, words(text.length, crc32(text)), ENDS]);
}

/** Of the last octets of a file: how long its footer is. @throws SnapshotFault */
export function footerLength(tail: Buffer): { readonly length: number; readonly checksum: number } {
  const cut = 'the snapshot is cut short';
  if (tail.length < TAIL_BYTES || !tail.subarray(8).equals(ENDS)) throw new SnapshotFault(cut);
  const length = tail.readUInt32BE(0);
  if (length > MAX_JSON_BYTES) throw damaged('footer');
  return { length, checksum: tail.readUInt32BE(4) };
}

/** @throws SnapshotFault */
export function decodeFooter(text: Buffer, checksum: number): SnapshotFooter {
  const footer = decoded(text, checksum, 'footer') as Partial<SnapshotFooter>;
  const { responses, unconfirmed, bytes, checksum: all } = footer;
  if (![responses, unconfirmed, bytes, all].every(isCount) || !isObject(footer.left)) throw damaged('footer');
  return footer as SnapshotFooter;
}

export function words(...numbers: readonly number[]): Buffer {
  const octets = Buffer.alloc(4 * numbers.length);
  for (const [i, number] of numbers.entries()) octets.writeUInt32BE(number, 4 * i);
  return octets;
}

function decoded(text: Buffer, checksum: number, part: string): object {
  if (crc32(text) !== checksum) throw damaged(part);
  try {
    const value: unknown = JSON.parse(text.toString());
    if (isObject(value)) return value;
  } catch {
    // Its checksum is right, so another program has written it.
  }
  throw damaged(part);
}

function damaged(part: string): SnapshotFault {
  return new SnapshotFault(`the ${part} of the snapshot is damaged`);
}

function isObject(value: unknown): value is object {
  return typeof value === 'object' && value !== null;
}

function isCount(value: unknown): boolean {
  return typeof value === 'number' && Number.isSafeInteger(value) && value >= 0;
}
