import { StringDecoder } from 'node:string_decoder';

/** A longer line is no line of an access log. What is beyond this of it is skipped, so that it takes no memory. */
const MAX_LINE_CHARACTERS = 64 * 1024;

/** Splits a stream into lines. Holds one line at most. */
export class LineSplitter {
  readonly #decoder = new StringDecoder('utf8');
  #rest = '';
  #tooLong = false;

  /** The lines that end in this chunk, without their line ends. */
  push(chunk: Buffer | string): string[] {
    return this.#split(typeof chunk === 'string' ? chunk : this.#decoder.write(chunk));
  }

  /** A last line without a line end. */
  end(): string[] {
    const lines = this.#split(this.#decoder.end());
    if (this.#rest !== '') lines.push(this.#rest);
    this.#rest = '';
    return lines;
  }

  #split(text: string): string[] {
    const parts = text.split('\n');
    const lines: string[] = [];
    for (const [i, part] of parts.entries()) {
      if (!this.#tooLong) this.#rest += part;
      if (this.#rest.length > MAX_LINE_CHARACTERS) {
        // So short, it has no request line: it is counted as a line that cannot be read.
        this.#rest = this.#rest.slice(0, 40);
        this.#tooLong = true;
      }
      if (i === parts.length - 1) break;
      lines.push(this.#rest.endsWith('\r') ? this.#rest.slice(0, -1) : this.#rest);
      this.#rest = '';
      this.#tooLong = false;
    }
    return lines;
  }
}
