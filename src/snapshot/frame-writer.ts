import type { FileHandle } from 'node:fs/promises';
import { promisify } from 'node:util';
import { constants, crc32, deflateRaw } from 'node:zlib';
import { FRAME_BYTES, words } from './format.ts';
import type { Seal } from './seal.ts';

const deflate = promisify(deflateRaw);

/** Writes octets as frames, each as soon as it is full. The next octets wait until it is with the operating system. */
export class FrameWriter {
  readonly #file: Pick<FileHandle, 'appendFile'>;
  readonly #seal: Seal | undefined;
  readonly #frame = Buffer.allocUnsafeSlow(FRAME_BYTES);
  #held = 0;
  #frames = 0;
  #bytes = 0;
  #checksum: number;

  /** @param header written before, with its checksum */
  constructor(file: Pick<FileHandle, 'appendFile'>, header: Buffer, seal: Seal | undefined) {
    this.#file = file;
    this.#seal = seal;
    this.#bytes = header.length;
    this.#checksum = crc32(header);
  }

  /** Of the file so far. At most one frame more is held. */
  get bytes(): number {
    return this.#bytes;
  }

  get checksum(): number {
    return this.#checksum;
  }

  /** Undefined if there is nothing to wait for. */
  add(octets: Buffer): Promise<void> | undefined {
    const end = this.#held + octets.length;
    if (end >= FRAME_BYTES) return this.#addMore(octets);
    octets.copy(this.#frame, this.#held);
    this.#held = end;
    return undefined;
  }

  async #addMore(octets: Buffer): Promise<void> {
    for (let at = 0; at < octets.length; ) {
      const copied = octets.copy(this.#frame, this.#held, at);
      at += copied;
      this.#held += copied;
      if (this.#held === FRAME_BYTES) await this.flush();
    }
  }

  async flush(): Promise<void> {
    if (this.#held === 0) return;
    // Off the event loop, and of the least effort: heads are much alike.
    const packed = await deflate(this.#frame.subarray(0, this.#held), { level: constants.Z_BEST_SPEED });
    const frame = this.#seal?.close(packed, this.#frames) ?? packed;
    const checksum = crc32(frame);
    this.#held = 0;
    this.#frames += 1;
    this.#checksum = crc32(words(checksum), this.#checksum);
    this.#bytes += 8 + frame.length;
    await this.#file.appendFile(Buffer.concat([words(frame.length, checksum), frame]));
  }
}
