import { Readable } from 'node:stream';
import type { Dispatcher } from 'undici';
import { OriginError } from '../errors.ts';
import type { AnswerBody } from '../exchange/ports.ts';
import type { Watch } from './watch.ts';

/** How much of a body is read ahead of its reader. Beyond it, the connection is paused. */
const READ_AHEAD_BYTES = 64 * 1024;

/** What has arrived of a body until somebody reads it, and then the stream that is read. */
export class ArrivingBody implements AnswerBody {
  readonly #controller: Dispatcher.DispatchController;
  readonly #watch: Watch | undefined;
  #chunks: Buffer[] = [];
  #bytes = 0;
  #state: 'arriving' | 'complete' | 'failed' = 'arriving';
  #error: OriginError | undefined;
  #stream: BodyStream | undefined;

  constructor(controller: Dispatcher.DispatchController, watch: Watch | undefined) {
    this.#controller = controller;
    this.#watch = watch;
  }

  /** False if the connection must be paused until the reader has caught up. */
  push(chunk: Buffer): boolean {
    if (this.#stream !== undefined) return this.#stream.push(chunk);
    this.#chunks.push(chunk);
    this.#bytes += chunk.byteLength;
    return this.#bytes < READ_AHEAD_BYTES;
  }

  /** Has no effect a second time: a 204 or a 304 ends with its head, and undici tells its end after that. */
  end(): void {
    if (this.#state !== 'arriving') return;
    this.#state = 'complete';
    this.#watch?.ended();
    this.#stream?.end();
  }

  /** Has no effect once it is complete. */
  fail(error: OriginError): void {
    if (this.#state !== 'arriving') return;
    this.#state = 'failed';
    this.#error = error;
    this.#watch?.brokeOff(error);
    this.#stream?.fail(error);
  }

  whole(): Buffer | undefined {
    if (this.#state !== 'complete' || this.#stream !== undefined) return undefined;
    return this.#chunks.length === 1 ? this.#chunks[0] : Buffer.concat(this.#chunks);
  }

  stream(): Readable {
    if (this.#stream !== undefined) return this.#stream;
    const stream = new BodyStream(this.#controller);
    this.#stream = stream;
    for (const chunk of this.#chunks) stream.push(chunk);
    this.#chunks = [];
    if (this.#state === 'complete') stream.end();
    if (this.#error !== undefined) stream.fail(this.#error);
    return stream;
  }

  destroy(): void {
    if (this.#stream !== undefined) this.#stream.destroy();
    else if (this.#state === 'arriving') this.#controller.abort(abandoned(undefined));
  }
}

/** A class: options with functions would make each stream an object of its own shape, which is slow. */
class BodyStream extends Readable {
  readonly #controller: Dispatcher.DispatchController;
  #isOver = false;

  constructor(controller: Dispatcher.DispatchController) {
    super({ highWaterMark: READ_AHEAD_BYTES });
    this.#controller = controller;
    // A failure before anyone listens must not end the process. It stays readable on the stream.
    this.on('error', ignored);
  }

  end(): void {
    this.#isOver = true;
    this.push(null);
  }

  fail(error: OriginError): void {
    this.#isOver = true;
    this.destroy(error);
  }

  override _read(): void {
    this.#controller.resume();
  }

  override _destroy(error: Error | null, done: (error?: Error | null) => void): void {
    // Frees the connection from an unwanted body. A complete one needs no error made for it, stack and all.
    if (!this.#isOver) this.#controller.abort(error ?? abandoned(undefined));
    done(error);
  }
}

function ignored(): void {}

/** The error of a request or a body that nobody waits for any more. */
export function abandoned(cause: unknown): OriginError {
  return new OriginError('originReset', { sent: true, fault: 'request', detail: 'The request was cancelled', cause });
}
