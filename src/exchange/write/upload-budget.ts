import { HeldByAddress } from '../held-by-address.ts';

/** Of each body so much is always held: a small write is read for ids whatever others send. */
const SMALL_BYTES = 16 * 1024;
/**
 * What uploads of one address may hold of all: stops a single client from having the writes of others fall back to
 * wildcards.
 */
const SHARE_OF_ADDRESS = 0.5;

/** One upload, and what it holds. */
export interface HeldUpload {
  /** False where there is no room for more of it: nothing is taken then. */
  take(bytes: number): boolean;
  /** Gives everything back. */
  release(): void;
}

/**
 * Bytes that all uploads may hold together, ahead of the origin and for rules. Beyond them a body is streamed on, and
 * not read: slow clients with large bodies cannot fill the memory.
 */
export class UploadBudget {
  readonly #maxBytes: number;
  readonly #ofAddress = new HeldByAddress();
  #held = 0;

  constructor(maxBytes: number) {
    this.#maxBytes = maxBytes;
  }

  get held(): number {
    return this.#held;
  }

  begin(address: string): HeldUpload {
    let seen = 0;
    let held = 0;
    return {
      take: (bytes) => {
        const more = Math.max(0, seen + bytes - SMALL_BYTES) - Math.max(0, seen - SMALL_BYTES);
        if (more > 0 && !this.#hasRoom(address, more)) return false;
        seen += bytes;
        held += more;
        this.#count(address, more);
        return true;
      },
      release: () => {
        this.#count(address, -held);
        held = 0;
      },
    };
  }

  #hasRoom(address: string, bytes: number): boolean {
    const own = this.#ofAddress.of(address);
    return this.#held + bytes <= this.#maxBytes && own + bytes <= this.#maxBytes * SHARE_OF_ADDRESS;
  }

  #count(address: string, bytes: number): void {
    if (bytes === 0) return;
    this.#held += bytes;
    this.#ofAddress.add(address, bytes);
  }
}
