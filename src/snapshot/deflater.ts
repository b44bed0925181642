import { constants, createDeflateRaw } from 'node:zlib';

/** An empty last block (RFC 1951 §3.2.3): with it, what a full flush ends is a whole. */
const LAST_BLOCK = Buffer.from([0x03, 0x00]);

/**
 * Deflates frames off the event loop, each to octets that can be inflated on their own. One stream does all of them:
 * a new one for each frame takes as long as deflating it. `close` it.
 */
export class Deflater {
  // Of the least effort: heads are much alike.
  readonly #stream = createDeflateRaw({ level: constants.Z_BEST_SPEED, flush: constants.Z_FULL_FLUSH });
  #parts: Buffer[] = [];
  #fail: (error: Error) => void = () => undefined;

  constructor() {
    this.#stream.on('data', (part: Buffer) => this.#parts.push(part));
    this.#stream.on('error', (error) => this.#fail(error));
  }

  /** One after the other. */
  deflate(frame: Buffer): Promise<Buffer> {
    return new Promise((resolve, reject) => {
      this.#fail = reject;
      this.#stream.write(frame, (error) => {
        if (error) return reject(error);
        const deflated = Buffer.concat([...this.#parts, LAST_BLOCK]);
        this.#parts = [];
        resolve(deflated);
      });
    });
  }

  close(): void {
    this.#stream.close();
  }
}
