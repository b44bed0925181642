import { Writable } from 'node:stream';
import type { Reply } from '../exchange/ports.ts';
import type { FieldLines } from '../http/fields.ts';

/** The reply to a client that an answer is streamed to as it comes, with what is around its body. */
export interface StreamedReply extends Reply {
  /** Whether a response without a length is chunked, and so may have trailers. */
  chunks(status: number): boolean;
  /** Sends fields behind the body of a streamed response; only where it is chunked (RFC 9112 §7.1.2). */
  trailers(lines: FieldLines): void;
}

/** An answer to these has no body (RFC 9110 §6.4.1). */
export function isBodiless(status: number): boolean {
  return status === 304 || status === 204 || status < 200;
}

/** What a client that has left is sent. */
export function nowhere(): Writable {
  const sink = new Writable();
  sink.on('error', () => {});
  return sink.destroy();
}
