import { trimWhitespace } from '../http/list.ts';

/** A head that comes in more pieces than this is followed no further: each piece costs a search. */
const MAX_PIECES = 32;
/** The size of a chunk with its CRLF. A longer line has an extension, or more zeros than anybody sends. */
const MAX_SIZE_LINE = 9;
const EMPTY_LINE = '\r\n\r\n';

/** Lines that end in CRLF, with names that are tokens, and no control characters but tabs in values. */
const strictHead = /^[A-Z]+ [!-~]+ HTTP\/1\.1\r\n(?:[!#$%&'*+\-.^_`|~0-9A-Za-z]+:[\t -~\x80-\xff]*\r\n)+\r\n$/;
/** The lines that say where a body ends, or that something else than HTTP follows. */
const framingLine = /\r\n(content-length|transfer-encoding|upgrade):([^\r]*)/gi;
const chunkSize = /^([0-9A-Fa-f]+)\r\n$/;

/** What comes next. `octets`: of the body, or of the chunk and the CRLF behind it. */
interface Expected {
  readonly next: 'head' | 'body' | 'size' | 'chunk' | 'end' | 'lost';
  readonly octets?: number;
}

/** No part of the gateway can tell any longer where requests begin. */
const LOST: Expected = { next: 'lost' };
const HEAD: Expected = { next: 'head' };

/**
 * Follows where requests begin and end in what a client sends, as far as every parser frames them alike. It is lost at
 * the first one that is not so, and stays lost.
 */
export class Framing {
  readonly #maxHead: number;
  #next: Expected['next'] = 'head';
  /** Octets of the body or the chunk that have not come. */
  #left = 0;
  /** What has come of a head or a line that is not complete. */
  #text = '';
  #pieces = 0;
  #begun = 0;

  constructor(maxHead: number) {
    this.#maxHead = maxHead;
  }

  /** How many whole heads have come. */
  get begun(): number {
    return this.#begun;
  }

  /** Everything that has come belongs to requests that are complete. */
  get isBetween(): boolean {
    return this.#next === 'head' && this.#text === '';
  }

  receive(piece: Buffer): void {
    let at = 0;
    while (at < piece.byteLength && this.#next !== 'lost') {
      if (this.#next === 'body' || this.#next === 'chunk') at = this.#skip(piece, at);
      else at = this.#read(piece, at);
    }
  }

  #skip(piece: Buffer, at: number): number {
    const taken = Math.min(this.#left, piece.byteLength - at);
    this.#left -= taken;
    if (this.#left === 0) this.#expect({ next: this.#next === 'body' ? 'head' : 'size' });
    return at + taken;
  }

  /** Reads to the end of the head or the line, or of the piece. Returns where in the piece it stopped. */
  #read(piece: Buffer, at: number): number {
    const [delimiter, max] = this.#next === 'head' ? [EMPTY_LINE, this.#maxHead] : ['\r\n', MAX_SIZE_LINE];
    const before = this.#text.length;
    // Many requests may come in one piece: for each, no more is made a text than belongs to it.
    const near = before > 0 ? -1 : piece.indexOf(delimiter, at, 'latin1');
    const until = Math.min(piece.byteLength, at + max, near < 0 ? Number.POSITIVE_INFINITY : near + delimiter.length);
    const text = this.#text + piece.toString('latin1', at, until);
    const found = text.indexOf(delimiter, Math.max(0, before - delimiter.length));
    if (found < 0) {
      this.#text = text;
      this.#pieces += 1;
      if (this.#pieces > MAX_PIECES || text.length >= max) this.#expect(LOST);
      return piece.byteLength;
    }
    const end = found + delimiter.length;
    this.#expect(this.#behind(text.slice(0, end)));
    return at + end - before;
  }

  #behind(text: string): Expected {
    if (this.#next === 'size') return behindSize(text);
    if (this.#next === 'end') return text === '\r\n' ? HEAD : LOST;
    this.#begun += 1;
    return behindHead(text);
  }

  #expect({ next, octets = 0 }: Expected): void {
    this.#next = next;
    this.#left = octets;
    this.#text = '';
    this.#pieces = 0;
  }
}

/** What follows a head with its empty line (RFC 9112 §6.3). */
function behindHead(head: string): Expected {
  if (!strictHead.test(head) || head.startsWith('CONNECT ')) return LOST;
  framingLine.lastIndex = 0;
  const framing = framingLine.exec(head);
  if (framing === null) return HEAD;
  if (framingLine.exec(head) !== null) return LOST;
  const [, name = '', written = ''] = framing;
  const value = trimWhitespace(written);
  if (name.toLowerCase() === 'content-length' && /^\d{1,15}$/.test(value)) {
    const octets = Number(value);
    return octets === 0 ? HEAD : { next: 'body', octets };
  }
  const isChunked = name.toLowerCase() === 'transfer-encoding' && value.toLowerCase() === 'chunked';
  return isChunked ? { next: 'size' } : LOST;
}

function behindSize(line: string): Expected {
  const size = chunkSize.exec(line)?.[1];
  if (size === undefined) return LOST;
  const octets = Number.parseInt(size, 16);
  return octets === 0 ? { next: 'end' } : { next: 'chunk', octets: octets + 2 };
}
