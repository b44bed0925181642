import type { Socket } from 'node:net';
import { Duplex } from 'node:stream';
import type { StreamConnection } from '../events/sse.ts';
import { type Piece, writePieces } from './socket-write.ts';

type Done = (error?: Error | null) => void;

/** Node ends an answer with an empty text. Where all is text, one write of it costs far less than one of pieces. */
function oneText(chunks: readonly Piece[]): string | undefined {
  let text = '';
  for (const { chunk, encoding } of chunks) {
    if (typeof chunk !== 'string' || encoding !== 'latin1') return undefined;
    text += chunk;
  }
  return text;
}

/** What owns a client's connection. */
export interface Owner {
  /** Milliseconds. */
  readonly now: number;
  /** Lets others have it, for as long as it lasts. False where requests have come that wait, or parts of one. */
  giveUp(): boolean;
  /** Leaves the connection to whoever the HTTP server has handed it to, who reads it as well. */
  handOver(): void;
  /**
   * The HTTP server has ended its side. True: the connection lasts, since somebody else is answering a request on it,
   * or such an answer is still being sent.
   */
  keeps(): boolean;
}

/**
 * A client's connection as the HTTP server sees it. It reads what the connection's owner gives it, and writes to the
 * socket itself. While it is paused, the socket is read until what waits reaches the high-water mark.
 */
export class HttpSide extends Duplex {
  readonly socket: Socket;
  /** It is as if nobody had asked for anything since then, in milliseconds of the owner's clock. */
  activeAt: number;
  /** Emits `timeout` when nothing has moved for so long; 0: never. */
  timeoutMs = 0;
  readonly #owner: Owner;
  #isFull = false;
  #isTaken = false;

  constructor(socket: Socket, owner: Owner) {
    super({ decodeStrings: false, highWaterMark: socket.readableHighWaterMark });
    this.socket = socket;
    this.#owner = owner;
    this.activeAt = owner.now;
  }

  /**
   * Lets others have the connection for good, if nothing waits here in either direction. What the HTTP server writes
   * still goes there, and is to be the head of its last answer. The end of that ends this stream, and not the
   * connection.
   */
  takeOver(): Socket | undefined {
    const isIdle = this.writable && this.writableLength === 0 && this.readableLength === 0;
    if (!isIdle || !this.#owner.giveUp()) return undefined;
    this.#isTaken = true;
    return this.socket;
  }

  /**
   * As `takeOver`, once the HTTP server has handed this stream over: whoever has it reads and writes the socket from
   * now on. What waits here to be read has to be read before.
   */
  handOver(): void {
    this.#isTaken = true;
    this.#owner.handOver();
    this.destroy();
  }

  /** Gives the HTTP server what the client has sent. */
  receive(piece: Buffer): void {
    this.activeAt = this.#owner.now;
    if (this.push(piece)) return;
    this.#isFull = true;
    this.socket.pause();
  }

  override _read(): void {
    if (!this.#isFull) return;
    this.#isFull = false;
    this.socket.resume();
  }

  /**
   * Not while the HTTP server has too many answers to write: it would pause again, but a stream that was resumed may
   * pass on what it holds before it says so, and the HTTP server ends the process if it is given anything then.
   */
  override resume(): this {
    return (this as { _paused?: boolean })._paused === true ? this : super.resume();
  }

  override _write(chunk: string | Buffer, encoding: BufferEncoding, done: Done): void {
    this.activeAt = this.#owner.now;
    // The empty text behind an answer that has been sent would be a call of the system.
    if (chunk.length === 0) done();
    else this.socket.write(chunk, encoding, this.#unlessClosed(done));
  }

  override _writev(chunks: readonly Piece[], done: Done): void {
    this.activeAt = this.#owner.now;
    const text = oneText(chunks);
    const pieces = text === undefined ? chunks : [{ chunk: text, encoding: 'latin1' } as const];
    writePieces(this.socket, pieces, this.#unlessClosed(done));
  }

  override _final(done: Done): void {
    if (this.socket.destroyed || this.#isTaken) done();
    else this.socket.end(this.#unlessClosed(done));
  }

  /** A socket that is closed fails what waits in it. The HTTP server would take that error for a malformed request. */
  #unlessClosed(done: Done): Done {
    return (error) => {
      if (error) this.destroy();
      done(error);
    };
  }

  override _destroy(error: Error | null, done: Done): void {
    if (!this.#isTaken && !(error === null && this.#owner.keeps())) this.socket.destroy();
    done(error);
  }

  /** As of a socket: closes when what was written has been sent. */
  destroySoon(): void {
    if (this.writable) this.end();
    if (this.writableFinished) this.destroy();
    else this.once('finish', () => this.destroy());
  }

  setTimeout(ms: number): this {
    this.timeoutMs = ms;
    this.activeAt = this.#owner.now;
    return this;
  }

  setNoDelay(isOn: boolean): this {
    this.socket.setNoDelay(isOn);
    return this;
  }

  setKeepAlive(isOn: boolean, delayMs: number): this {
    this.socket.setKeepAlive(isOn, delayMs);
    return this;
  }

  get remoteAddress(): string | undefined {
    return this.socket.remoteAddress;
  }

  get remotePort(): number | undefined {
    return this.socket.remotePort;
  }

  get bytesRead(): number {
    return this.socket.bytesRead;
  }

  get bytesWritten(): number {
    return this.socket.bytesWritten;
  }
}

/** The connection that a stream of the HTTP server writes to. */
export function connectionUnder<S extends Duplex>(stream: S): S | Socket {
  return stream instanceof HttpSide ? stream.socket : stream;
}

/** As `connectionUnder`, to be taken over. */
export function connectionOf(stream: Duplex): StreamConnection {
  const takeOver = (): Socket | undefined => (stream instanceof HttpSide ? stream.takeOver() : undefined);
  return { socket: connectionUnder(stream), takeOver };
}
