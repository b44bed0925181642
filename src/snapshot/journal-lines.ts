import { closeSync, fsyncSync, openSync, writeSync } from 'node:fs';
import { crc32 } from 'node:zlib';
import type { Segment } from './ports.ts';

export const journalVersion = 1;

/** The first line of a segment. */
export interface JournalHeader {
  readonly unstale: 'journal';
  readonly version: number;
  readonly id: Segment;
  /** Names the run of the gateway that has written it. */
  readonly run: string;
}

/**
 * - `begin`: the header, as JSON
 * - `cover`: an invalidation, as a record of the shared log
 * - `lost`: invalidations are missing from here on
 * - `next`: the run goes on in the next segment
 * - `end`: the run has ended after its last write
 */
export const lineKinds = ['begin', 'cover', 'lost', 'next', 'end'] as const;
export type LineKind = (typeof lineKinds)[number];

const CRC_DIGITS = 8;

/**
 * Appends lines to a segment: `<checksum> <kind> <payload>`. Each is with the operating system when `write` returns.
 */
export class JournalWriter {
  readonly #descriptor: number;
  #checksum: number;
  #bytes: number;

  private constructor(descriptor: number, before?: JournalWriter) {
    this.#descriptor = descriptor;
    this.#checksum = before === undefined ? 0 : before.#checksum;
    this.#bytes = before === undefined ? 0 : before.#bytes;
  }

  /** @throws Error the file exists, or cannot be created */
  static create(path: string): JournalWriter {
    return new JournalWriter(openSync(path, 'wx', 0o600));
  }

  /** After the last line that `before` has written there. */
  static goOn(path: string, before: JournalWriter): JournalWriter {
    return new JournalWriter(openSync(path, 'a'), before);
  }

  get bytes(): number {
    return this.#bytes;
  }

  write(kind: LineKind, payload: string): void {
    const text = Buffer.from(`${kind} ${payload}`);
    this.#checksum = crc32(text, this.#checksum);
    const line = Buffer.concat([Buffer.from(`${hexOf(this.#checksum)} `), text, Buffer.from('\n')]);
    let written = 0;
    while (written < line.length) written += writeSync(this.#descriptor, line, written);
    this.#bytes += line.length;
  }

  sync(): void {
    fsyncSync(this.#descriptor);
  }

  close(): void {
    closeSync(this.#descriptor);
  }
}

export interface JournalLine {
  readonly kind: LineKind;
  readonly payload: string;
  readonly checksum: number;
}

/** @returns undefined if the line is not the one that was written after that with checksum `before` */
export function readLine(line: Buffer, before: number): JournalLine | undefined {
  const text = line.subarray(CRC_DIGITS + 1);
  const checksum = crc32(text, before);
  if (line.toString('latin1', 0, CRC_DIGITS + 1) !== `${hexOf(checksum)} `) return undefined;
  const space = text.indexOf(' ');
  const kind = lineKinds.find((each) => each === text.toString('latin1', 0, space));
  return kind && { kind, payload: text.toString('utf8', space + 1), checksum };
}

function hexOf(checksum: number): string {
  return checksum.toString(16).padStart(CRC_DIGITS, '0');
}
