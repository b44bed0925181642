import { PassThrough, type Readable } from 'node:stream';
import { OriginError } from '../errors.ts';

/**
 * A request body on its way to the origin. undici gets a separate stream, because it destroys the body of a request
 * that ends early. Destroying the client's request would close the connection on which the client waits for its answer.
 */
export class RequestBody {
  readonly stream = new PassThrough();
  readonly #source: Readable;

  /** @param onFailure called if the source breaks off; the stream is then destroyed with the same error */
  constructor(source: Readable, onFailure: (error: OriginError) => void) {
    this.#source = source;
    const fail = (cause: unknown) => {
      if (source.readableEnded) return;
      const error = brokenOff(cause);
      this.stream.destroy(error);
      onFailure(error);
    };
    // Never removed: a source may fail late, and an error without a listener ends the process.
    source.on('error', fail);
    source.on('close', () => fail(source.errored));
    this.stream.on('close', () => this.#release());
    // `onFailure` reports a failure to the request. undici listens only while it handles the request.
    this.stream.on('error', () => {});
    source.pipe(this.stream);
  }

  /** Stops sending: the origin has signalled that it will not read the rest (RFC 9112 §9.5). */
  stop(): void {
    this.#source.unpipe(this.stream);
  }

  /** Ends the upload. The rest of the source is not needed. */
  cancel(): void {
    this.stream.destroy();
  }

  /** Discards the unsent rest: a client request that stays paused would block its connection forever. */
  #release(): void {
    this.#source.unpipe(this.stream);
    this.#source.resume();
  }
}

function brokenOff(cause: unknown): OriginError {
  if (cause instanceof OriginError) return cause;
  return new OriginError('originReset', {
    sent: true,
    fault: 'request',
    detail: 'The request broke off before its body was complete',
    cause,
  });
}
