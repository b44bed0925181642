import { Readable, Transform } from 'node:stream';
import { OriginError } from '../errors.ts';
import { Fields } from '../http/fields.ts';
import type { Json } from '../rules/types.ts';
import { Capture, readJson, readUpTo, textOf } from './body.ts';
import type { ClientRequest } from './ports.ts';

export interface UploadOptions {
  /** How much of the body is kept for rules to read; 0 for none. */
  readonly captureBytes: number;
  readonly maxBytes: number | undefined;
}

/** The body of a write on its way to the origin: streamed, bounded, and kept as far as rules need to read it. */
export class Upload {
  readonly #request: ClientRequest;
  readonly #capture: Capture;
  readonly #captures: boolean;
  #stream: Readable | undefined;
  #complete = false;

  constructor(request: ClientRequest, body: Readable | undefined, options: UploadOptions) {
    this.#request = request;
    this.#capture = new Capture(options.captureBytes);
    this.#captures = options.captureBytes > 0;
    this.#stream = body === undefined ? undefined : this.#metered(body, options);
  }

  /** What is forwarded; undefined where the request has no body. */
  get stream(): Readable | undefined {
    return this.#stream;
  }

  /** Reads the body before any of it is forwarded, as far as it is kept: for rules that may refuse the write by it. */
  async readAhead(maxBytes: number): Promise<void> {
    if (this.#stream === undefined || !this.#captures) return;
    const read = await readUpTo(this.#stream, maxBytes);
    this.#stream = Readable.from('whole' in read ? [read.whole] : joined(read.head, read.rest), { objectMode: false });
  }

  /** The JSON of the body as far as it has passed. */
  json(): Json {
    if (this.#stream === undefined) return { missing: 'absent' };
    if (!this.#captures) return { missing: 'not-read' };
    if (this.#capture.overflowed) return { missing: 'too-large' };
    if (!this.#complete) return { missing: 'incomplete' };
    return readJson(this.#capture.body(), new Fields(this.#request.headers.lines));
  }

  /** The text of the body, where it is JSON as it was sent. */
  text(): string | undefined {
    return 'value' in this.json() ? textOf(this.#capture.body(), new Fields(this.#request.headers.lines)) : undefined;
  }

  #metered(body: Readable, { maxBytes }: UploadOptions): Readable {
    if (!this.#captures && maxBytes === undefined) return body;
    const meter = new Transform({
      transform: (chunk: Buffer, _encoding, done) => {
        this.#capture.add(chunk);
        if (maxBytes !== undefined && this.#capture.bytes > maxBytes) {
          done(new OriginError('contentTooLarge', { sent: true, detail: `the limit is ${maxBytes} bytes` }));
        } else {
          done(null, chunk);
        }
      },
      flush: (done) => {
        this.#complete = true;
        done();
      },
    });
    // Whoever reads the meter gets its error; before anybody does, it must not end the process.
    meter.on('error', () => {});
    if (body.destroyed) meter.destroy(new Error('the client broke off its request'));
    // `pipeline` would also destroy the request, and with it the connection that the error is to be answered on.
    body.once('error', (error) => meter.destroy(error));
    body.once('close', () => {
      if (!body.readableEnded) meter.destroy(new Error('the client broke off its request'));
    });
    return body.pipe(meter);
  }
}

async function* joined(head: Buffer, rest: AsyncIterator<Buffer>): AsyncGenerator<Buffer> {
  yield head;
  for (let next = await rest.next(); next.done !== true; next = await rest.next()) yield next.value;
}
