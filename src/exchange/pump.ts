import type { Readable, Writable } from 'node:stream';
import { type Content, latin1Of, lengthOf, MAX_JOINED_BYTES, octetsOf } from '../http/content.ts';
import type { AnswerBody, Reply } from './ports.ts';

/** The way of a body to a client. */
export interface Pumping {
  readonly sink: Writable;
  readonly reply: Pick<Reply, 'gone' | 'onGone'>;
  /** Called after the whole body has been written, for trailers. */
  readonly beforeEnd?: () => void;
}

/**
 * Copies an answer's body at the reader's pace. Rejects when the source fails; resolves when the client disconnects. A
 * body that is there whole is sent at once, together with the head that waits for it.
 */
export function pumpBody(body: AnswerBody, pumping: Pumping): Promise<void> | undefined {
  const whole = body.whole();
  if (whole === undefined) return pump(body.stream(), pumping);
  if (pumping.reply.gone) return undefined;
  pumping.beforeEnd?.();
  endWith(pumping.sink, whole);
  return undefined;
}

/**
 * Sends a body that is there whole. A small one goes as a text of its octets, which Node joins to the head that waits
 * for it.
 */
export function endWith(sink: Writable, whole: Content): void {
  if (lengthOf(whole) <= MAX_JOINED_BYTES) sink.end(latin1Of(whole), 'latin1');
  else sink.end(octetsOf(whole));
}

/** The same for a stream, of which a part may have been read. */
export function pump(source: Readable, { sink, reply, beforeEnd }: Pumping): Promise<void> {
  return new Promise((resolve, reject) => {
    const stop = (): void => {
      source.off('data', onData).off('end', onEnd).off('error', onError).off('close', onClose);
      // Errors of a source that nobody reads any more must not end the process.
      source.on('error', () => {});
      sink.off('drain', onDrain);
    };
    const onGone = (): void => {
      stop();
      resolve();
    };
    const onError = (error: unknown): void => {
      stop();
      if (reply.gone) resolve();
      else reject(error as Error);
    };
    const onClose = (): void => onError(new Error('the body ended before it was complete'));
    const onDrain = (): void => void source.resume();
    const onData = (chunk: Buffer): void => {
      if (reply.gone) onGone();
      else if (!sink.write(chunk)) source.pause();
    };
    const onEnd = (): void => {
      stop();
      if (!reply.gone) {
        beforeEnd?.();
        sink.end();
      }
      resolve();
    };
    if (source.destroyed) {
      onError(source.errored ?? new Error('the body was destroyed before it was read'));
      return;
    }
    source.on('end', onEnd).on('error', onError).on('close', onClose).on('data', onData);
    sink.on('drain', onDrain);
    reply.onGone(onGone);
    // Whoever has read a part of it may have left it paused.
    if (sink.writableNeedDrain) source.pause();
    else source.resume();
  });
}
