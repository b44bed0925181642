import { contentDigests } from '../../http/digests.ts';
import { without } from '../../http/fields.ts';
import { currentAgeMs } from '../../http/freshness.ts';
import { missingRange, sliceOf } from '../../http/partial.ts';
import { type ByteRange, formatContentRange, selectRanges } from '../../http/range.ts';
import type { StoredResponse } from '../../store/stored-response.ts';
import { appendCacheStatus } from '../cache-status-lines.ts';
import type { ClientRequest, ReadOutcome, Reply } from '../ports.ts';
import type { Read, ReadPorts } from './read-ports.ts';

/*
 * Partial responses (RFC 9111 §3.3, §3.4). One part may be stored for each variant, under a separate key next to that
 * of the complete response. It answers requests for octets that it holds, grows with every adjoining 206, and becomes a
 * complete response when nothing is missing.
 */

/** A single range, which the gateway can request and store. Requests for several ranges are left to the origin. */
const oneRange = /^bytes=[ \t]*[0-9]*-[0-9]*[ \t]*$/i;

/** With any of these the answer may be a 304, a 412 or the whole representation. They are left to the origin. */
const conditions = ['if-range', 'if-none-match', 'if-modified-since', 'if-match', 'if-unmodified-since'] as const;

/** The `Range` of a request for a single range without conditions; otherwise undefined. */
export function askedRange({ method, headers }: ClientRequest): string | undefined {
  const range = headers.get('range');
  if (method !== 'GET' || range === undefined || !oneRange.test(range)) return undefined;
  return conditions.some((name) => headers.has(name)) ? undefined : range;
}

/** Answers from a stored part. Undefined if the part does not hold the requested octets. */
export function servePart(
  ports: ReadPorts,
  { request, cursor }: Read,
  { stored, range }: { stored: StoredResponse; range: string },
  reply: Reply,
): ReadOutcome | undefined {
  const { part } = stored;
  if (part === undefined) return undefined;
  const found = octetsOf(stored, part, range);
  if (found === undefined) return undefined;
  const lines = without(stored.clientHeaders, (name) => name === 'content-range' || contentDigests.has(name));
  lines.push('Content-Range', formatContentRange(found.range, part.size));
  const ageMs = currentAgeMs(stored, ports.clock.wall());
  lines.push('Age', String(Math.floor(Math.max(0, ageMs) / 1000)));
  const leftMs = stored.lifetimeMs - ageMs;
  appendCacheStatus(lines, { hit: true, ttl: Math.floor(leftMs / 1000) }, leftMs > 0 ? cursor : undefined);
  reply.send(206, lines, request.method === 'HEAD' ? undefined : asBuffer(found.bytes));
  return { outcome: 'hit', detail: 'partial' };
}

/** A view of the same memory, not a copy. */
function asBuffer({ buffer, byteOffset, byteLength }: Uint8Array): Buffer {
  return Buffer.from(buffer, byteOffset, byteLength);
}

type StoredPart = NonNullable<StoredResponse['part']>;

function octetsOf(
  { body }: StoredResponse,
  part: StoredPart,
  asked: string,
): { range: ByteRange; bytes: Uint8Array } | undefined {
  const held = { start: part.start, end: part.start + body.byteLength - 1 };
  // The same `Range` gets the same answer, even if that was shorter than requested.
  if (asked === part.asked) return { range: held, bytes: body };
  const ranges = selectRanges(asked, part.size);
  const range = Array.isArray(ranges) && ranges.length === 1 ? ranges[0] : undefined;
  if (range === undefined) return undefined;
  const bytes = sliceOf({ ...part, etag: undefined, bytes: body }, range);
  if (bytes !== undefined) return { range, bytes };
  // The origin sent fewer octets than it declared. Answer with those that are there (RFC 9110 §15.3.7, "only a
  // subset").
  if (range.start < held.start || range.start > held.end || range.end > part.saidEnd) return undefined;
  return { range: { start: range.start, end: held.end }, bytes: body.subarray(range.start - held.start) };
}

/**
 * Fields that request the missing rest of a stored part, on condition that the representation is unchanged (RFC 9110
 * §13.1.5). Undefined without a strong validator.
 */
export function completionFields(stored: StoredResponse): readonly string[] | undefined {
  const { part } = stored;
  const etag = stored.headers.get('etag');
  const range = part === undefined ? undefined : missingRange({ ...part, etag, bytes: stored.body });
  if (range === undefined || etag === undefined || etag.startsWith('W/')) return undefined;
  return ['Range', range, 'If-Range', etag];
}
