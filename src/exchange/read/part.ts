import { without } from '../../http/fields.ts';
import { currentAgeMs } from '../../http/freshness.ts';
import { missingRange, sliceOf } from '../../http/partial.ts';
import { type ByteRange, formatContentRange, selectRanges } from '../../http/range.ts';
import type { StoredResponse } from '../../store/stored-response.ts';
import { appendCacheStatus } from '../cache-status-lines.ts';
import type { ClientRequest, ReadOutcome, Reply } from '../ports.ts';
import type { Read, ReadPorts } from './read-ports.ts';

/*
 * Parts of representations (RFC 9111 §3.3, §3.4). For each variant one part may be stored besides what is complete, under a
 * key of its own. It answers requests for octets that it holds, grows with every 206 that adjoins it, and becomes a
 * complete response when nothing is missing.
 */

/** One range of octets: what the exchange asks for and keeps. Several at once are the origin's to answer. */
const oneRange = /^bytes=[ \t]*[0-9]*-[0-9]*[ \t]*$/i;

/** With any of these a 304, a 412 or a whole representation may be the answer: the origin's to decide. */
const conditions = ['if-range', 'if-none-match', 'if-modified-since', 'if-match', 'if-unmodified-since'] as const;

/** The range, where the request asks for one alone. */
export function askedRange({ method, headers }: ClientRequest): string | undefined {
  const range = headers.get('range');
  if (method !== 'GET' || range === undefined || !oneRange.test(range)) return undefined;
  return conditions.some((name) => headers.has(name)) ? undefined : range;
}

/** Answers from a stored part; undefined where it does not hold the octets. */
export function servePart(
  ports: ReadPorts,
  { request }: Read,
  stored: StoredResponse,
  range: string,
  reply: Reply,
): ReadOutcome | undefined {
  const { part } = stored;
  if (part === undefined) return undefined;
  const found = octetsOf(stored, part, range);
  if (found === undefined) return undefined;
  const lines = without(stored.clientHeaders, (name) => name === 'content-range');
  lines.push('Content-Range', formatContentRange(found.range, part.size));
  const ageMs = currentAgeMs(stored, ports.clock.wall());
  lines.push('Age', String(Math.floor(Math.max(0, ageMs) / 1000)));
  appendCacheStatus(lines, { hit: true, ttl: Math.floor((stored.lifetimeMs - ageMs) / 1000) });
  reply.send(206, lines, request.method === 'HEAD' ? undefined : asBuffer(found.bytes));
  return { outcome: 'hit', detail: 'partial' };
}

/** The same octets, not a copy of them. */
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
  // The same question has the same answer, were it less than was asked for.
  if (asked === part.asked) return { range: held, bytes: body };
  const ranges = selectRanges(asked, part.size);
  const range = Array.isArray(ranges) && ranges.length === 1 ? ranges[0] : undefined;
  if (range === undefined) return undefined;
  const bytes = sliceOf({ ...part, etag: undefined, bytes: body }, range);
  if (bytes !== undefined) return { range, bytes };
  // The origin sent fewer octets than it said: as many of them as there are (RFC 9110 §15.3.7, "only a subset").
  if (range.start < held.start || range.start > held.end || range.end > part.saidEnd) return undefined;
  return { range: { start: range.start, end: held.end }, bytes: body.subarray(range.start - held.start) };
}

/** The fields that ask for what a stored part lacks, on condition that it is still a part of the same (RFC 9110 §13.1.5). */
export function completionFields(stored: StoredResponse): readonly string[] | undefined {
  const { part } = stored;
  const etag = stored.headers.get('etag');
  const range = part === undefined ? undefined : missingRange({ ...part, etag, bytes: stored.body });
  if (range === undefined || etag === undefined || etag.startsWith('W/')) return undefined;
  return ['Range', range, 'If-Range', etag];
}
