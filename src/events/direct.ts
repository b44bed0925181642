import type { Duplex } from 'node:stream';

/**
 * Writes to a connection past the streams on top of it, while nothing waits in them: each write then passes one stream
 * less, which is most of what it costs. What those streams are given goes behind what has been written.
 */
export class Direct {
  readonly #above: Duplex;
  readonly #connection: Duplex;
  /** The one that was written to last. */
  #last: Duplex;

  /** @param connection what `above` writes to, or the same */
  constructor(above: Duplex, connection: Duplex) {
    this.#above = above;
    this.#connection = connection;
    this.#last = above;
  }

  get writableLength(): number {
    const { writableLength } = this.#above;
    return this.#above === this.#connection ? writableLength : writableLength + this.#connection.writableLength;
  }

  write(bytes: Buffer): boolean {
    this.#last = this.#above.writableLength === 0 ? this.#connection : this.#above;
    return this.#last.write(bytes);
  }

  once(event: 'drain', listener: () => void): void {
    this.#last.once(event, listener);
  }

  cork(): void {
    this.#connection.cork();
  }

  uncork(): void {
    this.#connection.uncork();
  }
}
