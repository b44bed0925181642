import type { FileHandle } from 'node:fs/promises';
import { crc32 } from 'node:zlib';
import type { StoredResponse } from '../store/stored-response.ts';
import { Deflater } from './deflater.ts';
import { entryOf, writeEntry } from './entry.ts';
import { FRAME_BYTES, words } from './format.ts';
import type { Seal } from './seal.ts';

export interface FrameOptions {
  readonly file: Pick<FileHandle, 'appendFile'>;
  /** Written before, with its checksum. */
  readonly header: Buffer;
  readonly seal: Seal | undefined;
  /** Of the file, header included. */
  readonly maxBytes: number;
}

/**
 * Writes responses as frames, each as soon as it is full. The next response waits until it is with the operating
 * system. Nothing is made for a response that fits into a frame: its octets are written there. `close` it.
 */
export class FrameWriter {
  readonly #options: FrameOptions;
  /** What is held may not become smaller, and the footer follows. */
  readonly #room: number;
  readonly #deflater = new Deflater();
  readonly #frame = Buffer.allocUnsafeSlow(FRAME_BYTES);
  #held = 0;
  #frames = 0;
  #bytes = 0;
  #checksum: number;

  constructor(options: FrameOptions) {
    this.#options = options;
    this.#room = options.maxBytes - 3 * FRAME_BYTES;
    this.#bytes = options.header.length;
    this.#checksum = crc32(options.header);
  }

  /** Of the file so far. At most one frame more is held. */
  get bytes(): number {
    return this.#bytes;
  }

  get checksum(): number {
    return this.#checksum;
  }

  /** Whether there was room for it. A promise only if it has to wait. */
  add(response: StoredResponse): boolean | Promise<boolean> {
    const end = writeEntry(response, this.#frame, this.#held);
    return end === undefined ? this.#addMore(response) : this.#hold(end);
  }

  /** Of what was written behind what is held, if there is room for it. */
  #hold(end: number): boolean {
    if (this.#bytes + end - this.#held > this.#room) return false;
    this.#held = end;
    return true;
  }

  async #addMore(response: StoredResponse): Promise<boolean> {
    await this.flush();
    const end = writeEntry(response, this.#frame, 0);
    if (end !== undefined) return this.#hold(end);
    const [head, body] = entryOf(response);
    if (this.#bytes + head.length + body.length > this.#room) return false;
    for (const octets of [head, body]) {
      for (let at = 0; at < octets.length; ) {
        const copied = octets.copy(this.#frame, this.#held, at);
        at += copied;
        this.#held += copied;
        if (this.#held === FRAME_BYTES) await this.flush();
      }
    }
    return true;
  }

  async flush(): Promise<void> {
    if (this.#held === 0) return;
    const packed = await this.#deflater.deflate(this.#frame.subarray(0, this.#held));
    const frame = this.#options.seal?.close(packed, this.#frames) ?? packed;
    const checksum = crc32(frame);
    this.#held = 0;
    this.#frames += 1;
    this.#checksum = crc32(words(checksum), this.#checksum);
    this.#bytes += 8 + frame.length;
    await this.#options.file.appendFile(Buffer.concat([words(frame.length, checksum), frame]));
  }

  close(): void {
    this.#deflater.close();
  }
}
