import type { Socket } from 'node:net';
import { Writable } from 'node:stream';
import { MAX_JOINED_BYTES } from '../http/content.ts';
import { type Piece, writePieces } from './socket-write.ts';

type Chunk = string | Buffer;
type Done = (error?: Error | null) => void;

export interface AnswerStreamOptions {
  /** With its empty line. It is written together with the beginning of the body. */
  readonly head: string;
  readonly isChunked: boolean;
  /** What is written is not sent (RFC 9110 §6.4.1): an answer to HEAD, a 204, a 304. */
  readonly isBodiless: boolean;
  /** All of the answer has been given to the socket. */
  readonly ended: () => void;
}

/** The body of an answer that is streamed, and the head before it. The connection stays open behind it. */
export class AnswerStream extends Writable {
  readonly #socket: Socket;
  readonly #options: AnswerStreamOptions;
  /** Not sent yet. */
  #text: string;
  #isEnding = false;
  #hasEnded = false;
  /** Lines that are sent behind a chunked body. */
  trailers = '';

  constructor(socket: Socket, options: AnswerStreamOptions) {
    super({ decodeStrings: false, highWaterMark: socket.writableHighWaterMark });
    this.#socket = socket;
    this.#options = options;
    this.#text = options.head;
    // A client that leaves is no error of ours; `Reply.gone` tells the caller.
    this.on('error', () => {});
  }

  override end(...args: unknown[]): this {
    this.#isEnding = true;
    return super.end(...(args as []));
  }

  override _write(chunk: Chunk, encoding: BufferEncoding, done: Done): void {
    this.#send([{ chunk, encoding }], this.#isEnding && this.writableLength <= chunk.length, done);
  }

  override _writev(chunks: readonly Piece[], done: Done): void {
    this.#send(chunks, this.#isEnding, done);
  }

  override _final(done: Done): void {
    const end: Done = (error) => {
      if (!error) this.#options.ended();
      done(error);
    };
    if (this.#hasEnded) end();
    else this.#send([], true, end);
  }

  #send(chunks: readonly Piece[], isLast: boolean, done: Done): void {
    const { isChunked, isBodiless } = this.#options;
    if (isBodiless && !isLast) {
      done();
      return;
    }
    const pieces: Piece[] = [];
    for (const { chunk, encoding } of isBodiless ? [] : chunks) {
      const octets = typeof chunk === 'string' && encoding !== 'latin1' ? Buffer.from(chunk, encoding) : chunk;
      if (octets.length === 0) continue;
      if (isChunked) this.#text += `${octets.length.toString(16)}\r\n`;
      this.#add(octets, pieces);
      if (isChunked) this.#text += '\r\n';
    }
    if (isLast) {
      if (isChunked) this.#text += `0\r\n${this.trailers}\r\n`;
      this.#hasEnded = true;
    }
    this.#flush(pieces);
    writePieces(this.#socket, pieces, done);
  }

  #add(octets: Chunk, pieces: Piece[]): void {
    if (typeof octets === 'string') {
      this.#text += octets;
    } else if (octets.byteLength <= MAX_JOINED_BYTES) {
      this.#text += octets.toString('latin1');
    } else {
      this.#flush(pieces);
      pieces.push({ chunk: octets, encoding: 'latin1' });
    }
  }

  #flush(pieces: Piece[]): void {
    if (this.#text !== '') pieces.push({ chunk: this.#text, encoding: 'latin1' });
    this.#text = '';
  }
}
