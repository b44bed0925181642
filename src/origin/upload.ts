import { PassThrough, type Readable } from 'node:stream';
import { OriginError } from '../errors.ts';

/**
 * A request body on its way to the origin. What undici gets is a stream of our own: it destroys the body of a request that
 * ends early, and a destroyed client request takes along the connection on which the client waits for its answer.
 */
export class Upload {
  readonly stream = new PassThrough();
  readonly #source: Readable;

  /** `onFailure` is called when the source breaks off; the stream is then destroyed with that error. */
  constructor(source: Readable, onFailure: (error: OriginError) => void) {
    this.#source = source;
    const fail = (cause: unknown) => {
      if (source.readableEnded) return;
      const error = brokenOff(cause);
      this.stream.destroy(error);
      onFailure(error);
    };
    // Stays for good: a source may fail long after anybody cares, and an error without a listener ends the process.
    source.on('error', fail);
    source.on('close', () => fail(source.errored));
    this.stream.on('close', () => this.#release());
    // A failure reaches the request by `onFailure`; undici listens only while it has the request in hand.
    this.stream.on('error', () => {});
    source.pipe(this.stream);
  }

  /** Sends no more. The origin has said that it will not read it (RFC 9112 §9.5). */
  stop(): void {
    this.#source.unpipe(this.stream);
  }

  /** Lets go of the source, whoever needs the rest of it no longer. */
  cancel(): void {
    this.stream.destroy();
  }

  /** What was not sent flows away: a client request that stays paused would block its connection for ever. */
  #release(): void {
    this.#source.unpipe(this.stream);
    this.#source.resume();
  }
}

function brokenOff(cause: unknown): OriginError {
  if (cause instanceof OriginError) return cause;
  return new OriginError('originReset', {
    sent: true,
    detail: 'The request broke off before its body was complete',
    cause,
  });
}
