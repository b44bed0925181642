import { type FileHandle, open } from 'node:fs/promises';
import { promisify } from 'node:util';
import { crc32, inflateRaw } from 'node:zlib';
import type { Position } from '../coherence/record.ts';
import type { StoredResponse } from '../store/stored-response.ts';
import { ENTRY_BYTES, lengthsOf, responseOfEntry } from './entry.ts';
import {
  decodeFooter,
  decodeHeader,
  footerLength,
  HEAD_BYTES,
  headerLength,
  MAX_FRAME_BYTES,
  MAX_INFLATED_BYTES,
  SnapshotFault,
  type SnapshotFooter,
  type SnapshotHeader,
  TAIL_BYTES,
  words,
} from './format.ts';
import type { Pace } from './pace.ts';
import type { Seal } from './seal.ts';

const inflate = promisify(inflateRaw);

const cutShort = 'the snapshot is cut short';

/** A snapshot that was saved. `close` it. */
export class SnapshotFile {
  readonly header: SnapshotHeader;
  readonly footer: SnapshotFooter;
  readonly #file: FileHandle;
  /** Where the frames begin. */
  readonly #start: number;
  readonly #headerChecksum: number;

  private constructor(file: FileHandle, { header, footer, start, headerChecksum }: Ends) {
    this.#file = file;
    this.header = header;
    this.footer = footer;
    this.#start = start;
    this.#headerChecksum = headerChecksum;
  }

  /** Reads the header and the footer. @throws SnapshotFault, or an error of the file system */
  static async open(path: string): Promise<SnapshotFile> {
    const file = await open(path, 'r');
    try {
      return new SnapshotFile(file, await readEnds(file));
    } catch (error) {
      await file.close();
      throw error;
    }
  }

  close(): Promise<void> {
    return this.#file.close();
  }

  /** Compares every checksum. @throws SnapshotFault */
  async verify(pace: Pace): Promise<void> {
    let checksum = this.#headerChecksum;
    for await (const frame of this.#frames()) {
      checksum = crc32(words(frame.checksum), checksum);
      if (pace.isOver) await pace.rest();
    }
    if (checksum !== this.footer.checksum) throw new SnapshotFault('the checksum of the snapshot is wrong');
  }

  /**
   * All responses in the order in which they were saved.
   * @param asOf the position of those that were confirmed then
   * @throws SnapshotFault
   */
  async *responses(seal: Seal | undefined, asOf: Position): AsyncGenerator<StoredResponse> {
    const entries = new Entries();
    let number = 0;
    for await (const { octets } of this.#frames()) {
      const plain = seal?.open(octets, number) ?? octets;
      number += 1;
      entries.add(await inflate(plain, { maxOutputLength: MAX_INFLATED_BYTES }));
      for (let entry = entries.next(); entry !== undefined; entry = entries.next()) {
        const found = responseOfEntry(entry, asOf);
        if (found === undefined) throw new SnapshotFault('the snapshot has a response that no gateway has stored');
        yield found;
      }
    }
    if (!entries.isEmpty) throw new SnapshotFault(cutShort);
  }

  async *#frames(): AsyncGenerator<{ readonly octets: Buffer; readonly checksum: number }> {
    for (let at = this.#start; at < this.footer.bytes; ) {
      const head = await readAt(this.#file, at, 8);
      const length = head.readUInt32BE(0);
      const checksum = head.readUInt32BE(4);
      if (length === 0 || length > MAX_FRAME_BYTES || at + 8 + length > this.footer.bytes)
        throw new SnapshotFault('a frame of the snapshot is damaged');
      const octets = await readAt(this.#file, at + 8, length);
      if (crc32(octets) !== checksum) throw new SnapshotFault('a frame of the snapshot is damaged');
      yield { octets, checksum };
      at += 8 + length;
    }
  }
}

interface Ends {
  readonly header: SnapshotHeader;
  readonly footer: SnapshotFooter;
  readonly start: number;
  readonly headerChecksum: number;
}

async function readEnds(file: FileHandle): Promise<Ends> {
  const { size } = await file.stat();
  const head = await readAt(file, 0, Math.min(HEAD_BYTES, size));
  const { length, checksum } = headerLength(head);
  const text = await readAt(file, HEAD_BYTES, length);
  const header = decodeHeader(text, checksum);
  const tail = await readAt(file, Math.max(0, size - TAIL_BYTES), Math.min(TAIL_BYTES, size));
  const last = footerLength(tail);
  const footerAt = size - TAIL_BYTES - last.length;
  if (footerAt < HEAD_BYTES + length + 4) throw new SnapshotFault(cutShort);
  const footer = decodeFooter(await readAt(file, footerAt, last.length), last.checksum);
  // Between the frames and the footer there is a length of 0.
  const between = await readAt(file, footerAt - 4, 4);
  if (footer.bytes !== footerAt - 4 || between.readUInt32BE(0) !== 0) throw new SnapshotFault(cutShort);
  return { header, footer, start: HEAD_BYTES + length, headerChecksum: crc32(Buffer.concat([head, text])) };
}

/** @throws SnapshotFault the file ends before */
async function readAt(file: FileHandle, position: number, length: number): Promise<Buffer> {
  const octets = Buffer.allocUnsafe(length);
  for (let read = 0; read < length; ) {
    const { bytesRead } = await file.read(octets, read, length - read, position + read);
    if (bytesRead === 0) throw new SnapshotFault(cutShort);
    read += bytesRead;
  }
  return octets;
}

/** The entries in the frames, which end anywhere. */
class Entries {
  /** Not yet given, from `#at` on. A large body is in many of them. */
  #chunks: Buffer[] = [];
  #at = 0;
  #held = 0;

  get isEmpty(): boolean {
    return this.#held === 0;
  }

  add(plain: Buffer): void {
    if (this.isEmpty) {
      this.#chunks = [];
      this.#at = 0;
    }
    this.#chunks.push(plain);
    this.#held += plain.length;
  }

  /** The next one if it is complete. Valid until `add` is called. */
  next(): Buffer | undefined {
    if (this.#held < ENTRY_BYTES) return undefined;
    const { head, body } = lengthsOf(this.#peek(ENTRY_BYTES));
    const length = ENTRY_BYTES + head + body;
    if (this.#held < length) return undefined;
    const entry = this.#peek(length);
    this.#at += length;
    this.#held -= length;
    return entry;
  }

  #peek(length: number): Buffer {
    const [first] = this.#chunks;
    if (first !== undefined && first.length - this.#at >= length) return first.subarray(this.#at, this.#at + length);
    const joined = Buffer.concat([first?.subarray(this.#at) ?? Buffer.alloc(0), ...this.#chunks.slice(1)]);
    this.#chunks = [joined];
    this.#at = 0;
    return joined.subarray(0, length);
  }
}
