import { Readable } from 'node:stream';
import { OriginError } from '../../errors.ts';
import { Fields } from '../../http/fields.ts';
import type { Json } from '../../rules/types.ts';
import { Capture, readJson, readUpTo, textOf } from '../body.ts';
import type { ClientRequest, RequestBody } from '../ports.ts';
import type { HeldUpload } from './upload-budget.ts';

export interface UploadOptions {
  /** How much of the body is kept for rules to read; 0 keeps nothing. */
  readonly captureBytes: number;
  readonly maxBytes: number | undefined;
  readonly held: HeldUpload;
  /** Called with each chunk as it arrives. The upload ends with what it throws. */
  readonly arrived?: ((chunk: Buffer) => void) | undefined;
}

/**
 * The body of a write on its way to the origin. Enforces the size limit and keeps a copy for rules to read. The end of
 * the body is held back until the write has been noted. So a stalled upload conflicts with no other write, and an
 * upload that breaks off was never a complete request.
 */
export class Upload {
  readonly #request: ClientRequest;
  readonly #capture: Capture;
  readonly #captures: boolean;
  readonly #body: RequestBody;
  #content: Buffer | Readable | undefined;
  readonly held: HeldUpload;
  readonly #maxBytes: number;
  readonly #arrived: UploadOptions['arrived'];
  #complete = false;
  #json: Json | undefined;
  #crowdedOut = false;

  constructor(request: ClientRequest, body: RequestBody, options: UploadOptions) {
    this.#request = request;
    this.#capture = new Capture(options.captureBytes);
    this.#captures = options.captureBytes > 0;
    this.held = options.held;
    this.#maxBytes = options.maxBytes ?? Number.POSITIVE_INFINITY;
    this.#arrived = options.arrived;
    this.#body = body;
    // Its reader receives its errors. An error before or after there is one must not end the process.
    if (body instanceof Readable) body.on('error', () => {});
  }

  /** One that sends `body` in place of what the client has sent. */
  static of(request: ClientRequest, body: Buffer, options: UploadOptions): Upload {
    const upload = new Upload(request, undefined, options);
    upload.#content = body;
    upload.#complete = true;
    upload.#capture.add(body);
    return upload;
  }

  /**
   * Receives up to `maxBytes` before anything is forwarded, so that a slow client does not occupy an origin connection.
   * A body that has come whole is never longer.
   */
  async readAhead(maxBytes: number): Promise<void> {
    if (this.#body === undefined) return;
    if (Buffer.isBuffer(this.#body)) {
      this.#take(this.#body);
      this.#content = this.#body;
      this.#complete = true;
      return;
    }
    const read = await readUpTo(this.#body, maxBytes, (chunk) => this.#take(chunk));
    this.#complete = 'whole' in read;
    this.#content = 'whole' in read ? read.whole : Readable.from(this.#joined(read), { objectMode: false });
  }

  /** Other uploads hold so much that this one is not read. */
  get crowdedOut(): boolean {
    return this.#crowdedOut;
  }

  /** The whole body has been received. */
  get isWhole(): boolean {
    return !(this.#content instanceof Readable);
  }

  /** All of it; undefined if there is none, or if it is longer than what was read ahead. */
  get whole(): Buffer | undefined {
    return Buffer.isBuffer(this.#content) ? this.#content : undefined;
  }

  /** It flows through, and nothing more of it is held. */
  get #isStreaming(): boolean {
    return this.#content instanceof Readable && (!this.#captures || this.#capture.overflowed);
  }

  /**
   * The body to forward; undefined if the request has none. Unless it is whole, awaits `mayEnd` before the last chunk
   * is handed over. Call after `readAhead`.
   */
  forwarded(mayEnd: () => Promise<void>): Readable | Buffer | undefined {
    if (this.#content instanceof Readable)
      return Readable.from(this.#heldBack(this.#content, mayEnd), { objectMode: false });
    return this.#content;
  }

  /** The body as JSON; `incomplete` until all of it has arrived. */
  json(): Json {
    if (this.#body === undefined && this.#content === undefined) return { missing: 'absent' };
    if (!this.#captures) return { missing: 'not-read' };
    if (this.#capture.overflowed) return { missing: 'too-large' };
    if (!this.#complete) return { missing: 'incomplete' };
    this.#json ??= readJson(this.#capture.body(), new Fields(this.#request.headers.lines));
    return this.#json;
  }

  /** The text of the body, if it is JSON without a content coding. */
  text(): string | undefined {
    return 'value' in this.json() ? textOf(this.#capture.body(), new Fields(this.#request.headers.lines)) : undefined;
  }

  async *#heldBack(content: Readable, mayEnd: () => Promise<void>): AsyncGenerator<Buffer> {
    let held: Buffer | undefined;
    for await (const chunk of content as AsyncIterable<Buffer>) {
      if (held !== undefined) yield held;
      held = chunk;
    }
    await mayEnd();
    if (held !== undefined) yield held;
  }

  /** Counts and keeps a chunk that has arrived. Returns whether more may be read ahead. */
  #take(chunk: Buffer): boolean {
    if (this.#isStreaming) this.held.release();
    else if (!this.#crowdedOut) this.#crowdedOut = !this.held.take(chunk.byteLength);
    if (this.#crowdedOut) this.#capture.drop();
    this.#capture.add(chunk);
    if (this.#capture.bytes > this.#maxBytes) {
      throw new OriginError('contentTooLarge', {
        sent: true,
        fault: 'request',
        detail: `the limit is ${this.#maxBytes} bytes`,
      });
    }
    this.#arrived?.(chunk);
    return !this.#crowdedOut;
  }

  /** Splits the head in two: the last chunk is held back, and the origin should receive the first part at once. */
  async *#joined({ head, rest }: { head: Buffer; rest: Readable }): AsyncGenerator<Buffer> {
    yield head.subarray(0, -1);
    yield head.subarray(-1);
    // Not destroyed with the loop: that would close the connection on which the client waits for its answer.
    for await (const chunk of rest.iterator({ destroyOnReturn: false }) as AsyncIterable<Buffer>) {
      this.#take(chunk);
      yield chunk;
    }
    this.#complete = true;
  }
}
