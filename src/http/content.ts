import { ownBytes } from './own-memory.ts';

/** A body that is kept: a small one as a text of one character for each octet, any other as octets. */
export type Content = string | Buffer;

/**
 * Up to this size a text is kept. A buffer takes 180 bytes besides its octets, and as much again outside of the heap,
 * where memory is given back late and in pieces.
 */
const MAX_TEXT_BYTES = 1_024;

/** Up to this size a body is joined to the head before it: one write of one text costs far less than two pieces. */
export const MAX_JOINED_BYTES = 8 * 1024;

/** The body in memory of its own: nothing else is kept with it. */
export function ownContent(body: Buffer): Content {
  return body.byteLength <= MAX_TEXT_BYTES ? body.toString('latin1') : ownBytes(body);
}

/** Its octets. A small body is copied each time. */
export function octetsOf(content: Content): Buffer {
  return typeof content === 'string' ? Buffer.from(content, 'latin1') : content;
}

export function lengthOf(content: Content): number {
  return typeof content === 'string' ? content.length : content.byteLength;
}

/** As a text of one character for each octet. */
export function latin1Of(content: Content): string {
  return typeof content === 'string' ? content : content.toString('latin1');
}
