import { parseEntityTag, strongMatch } from './etag.ts';
import type { Fields } from './fields.ts';
import { type ByteRange, formatContentRange, parseContentRange } from './range.ts';

/** A part of a representation, from a 206. */
export interface Part {
  readonly start: number;
  /** Of the complete representation; undefined if the origin does not say. */
  readonly size: number | undefined;
  /** As sent. */
  readonly etag: string | undefined;
  readonly bytes: Uint8Array;
}

/**
 * The body of a 206 with several ranges, piece by piece, and its `Content-Type` (RFC 9110 §14.6). The pieces of `body`
 * are no copies: what waits for a client that does not read costs nothing. `boundary` must be in no body: one that
 * nobody can foresee.
 */
export function multipartRanges(
  body: Uint8Array,
  ranges: readonly ByteRange[],
  { boundary, contentType }: { boundary: string; contentType: string | undefined },
): { contentType: string; pieces: Uint8Array[]; byteLength: number } {
  const type = contentType === undefined ? '' : `Content-Type: ${contentType}\r\n`;
  const pieces: Uint8Array[] = [];
  for (const range of ranges) {
    const contentRange = formatContentRange(range, body.byteLength);
    pieces.push(Buffer.from(`\r\n--${boundary}\r\n${type}Content-Range: ${contentRange}\r\n\r\n`, 'latin1'));
    pieces.push(body.subarray(range.start, range.end + 1));
  }
  pieces.push(Buffer.from(`\r\n--${boundary}--\r\n`, 'latin1'));
  const byteLength = pieces.reduce((sum, piece) => sum + piece.byteLength, 0);
  return { contentType: `multipart/byteranges; boundary=${boundary}`, pieces, byteLength };
}

/**
 * The part in a 206; undefined if it cannot be stored: no valid `Content-Range`, several parts, no bytes, or more bytes
 * than declared. A body with fewer bytes holds the beginning of the range; `saidEnd` is the declared end.
 */
export function partOf(headers: Fields, bytes: Uint8Array): (Part & { readonly saidEnd: number }) | undefined {
  const range = parseContentRange(headers.get('content-range'));
  if (range === undefined || bytes.byteLength === 0 || bytes.byteLength > range.end - range.start + 1) return undefined;
  return { start: range.start, size: range.size, etag: headers.get('etag'), bytes, saidEnd: range.end };
}

/**
 * Where the octets of a 206 begin if they are all that is missing at the end of a part (RFC 9110 §15.3.7.3): the strong
 * entity tags and the sizes match, and there is no gap. They may overlap. Undefined for any other 206, and for one that
 * contradicts itself.
 */
export function startOfRest(part: Part, headers: Fields): number | undefined {
  const range = parseContentRange(headers.get('content-range'));
  if (range === undefined || range.size !== part.size || range.end + 1 !== range.size) return undefined;
  if (range.start < part.start || range.start > endOf(part) || !isSameByTag(part.etag, headers.get('etag')))
    return undefined;
  const length = headers.get('content-length');
  return length === undefined || Number(length) === range.size - range.start ? range.start : undefined;
}

/**
 * Combines two parts of a representation (RFC 9110 §15.3.7.3): the strong entity tags and the sizes must match, without
 * a gap between the parts. Where they overlap, `newer` wins. undefined if they cannot be combined.
 */
export function combine(older: Part, newer: Part): Part | undefined {
  if (!isSameByTag(older.etag, newer.etag)) return undefined;
  if (older.size !== undefined && newer.size !== undefined && older.size !== newer.size) return undefined;
  if (older.start > endOf(newer) || newer.start > endOf(older)) return undefined;
  const start = Math.min(older.start, newer.start);
  const bytes = new Uint8Array(Math.max(endOf(older), endOf(newer)) - start);
  bytes.set(older.bytes, older.start - start);
  bytes.set(newer.bytes, newer.start - start);
  return { start, size: newer.size ?? older.size, etag: newer.etag, bytes };
}

function isSameByTag(older: string | undefined, newer: string | undefined): boolean {
  const [a, b] = [parseEntityTag(older), parseEntityTag(newer)];
  return a !== undefined && b !== undefined && strongMatch(a, b);
}

/** Whether the part is the complete representation, a 200 (RFC 9111 §3.4). */
export function isComplete(part: Part): boolean {
  return part.start === 0 && part.size === part.bytes.byteLength;
}

/** The bytes of a range, if the part contains all of them. */
export function sliceOf(part: Part, range: ByteRange): Uint8Array | undefined {
  if (range.start < part.start || range.end >= endOf(part)) return undefined;
  return part.bytes.subarray(range.start - part.start, range.end + 1 - part.start);
}

/**
 * The `Range`, for use with `If-Range`, of what is missing at the end of a part; undefined if its beginning is missing.
 */
export function missingRange(part: Part): string | undefined {
  return part.start === 0 && !isComplete(part) ? `bytes=${endOf(part)}-` : undefined;
}

/** The offset after the last byte. */
function endOf(part: Part): number {
  return part.start + part.bytes.byteLength;
}
