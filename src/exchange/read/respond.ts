import { randomBytes } from 'node:crypto';
import type { CacheStatus } from '../../http/cache-status.ts';
import { lengthOf } from '../../http/content.ts';
import { contentDigests } from '../../http/digests.ts';
import { type FieldLines, type Fields, without } from '../../http/fields.ts';
import { multipartRanges } from '../../http/partial.ts';
import { type ByteRange, formatContentRange, ifRangeMatches, selectRanges } from '../../http/range.ts';
import { evaluatePreconditions } from '../../http/validation.ts';
import type { StoredResponse } from '../../store/stored-response.ts';
import { appendCacheStatus } from '../cache-status-lines.ts';
import type { ClientRequest, Reply } from '../ports.ts';
import { formFor } from './encoder.ts';

/** Random bytes of a boundary, so that the author of a body cannot predict it. */
const BOUNDARY_BYTES = 16;

/** Fields that describe a body, left out of a 304 (RFC 9110 §15.4.5). */
export const ofBody = new Set([
  'content-length',
  'content-type',
  'content-encoding',
  'content-language',
  'content-range',
]);

/** What is said of an answer. `cursor`: up to where it is known to be current. */
export interface Said {
  readonly status: CacheStatus;
  readonly ageMs: number | undefined;
  readonly cursor: string | undefined;
}

/** Answers from a complete response: with 304 if the client's copy is current, with 206 if it asks for ranges. */
export function respond(
  request: ClientRequest,
  reply: Reply,
  stored: StoredResponse,
  { status, ageMs, cursor }: Said,
): void {
  const form = stored.codings === undefined ? stored : formFor(request.headers, stored);
  const lines = [...form.clientHeaders];
  if (ageMs !== undefined) lines.push('Age', String(Math.floor(Math.max(0, ageMs) / 1000)));
  appendCacheStatus(lines, status, cursor);
  const selected = form === stored ? stored : ofForm(stored, form.etag);
  if (evaluatePreconditions(request.headers, selected, request.method) === 'not-modified') {
    const bare = without(lines, (name) => ofBody.has(name));
    reply.send(304, bare, undefined);
  } else if (request.method === 'HEAD') {
    reply.send(stored.status, lines, undefined, lengthOf(form.content));
  } else {
    const ranges = rangesOf(request.headers, stored);
    if (ranges === 'none') reply.send(stored.status, lines, form.content);
    else sendRanges(reply, stored, withoutContentDigests(lines), ranges);
  }
}

/** What conditions are compared with where another form than the stored one is sent. */
const ofForm = ({ status, lastModifiedMs, dateMs }: StoredResponse, etag: string | undefined) => ({
  status,
  etag,
  lastModifiedMs,
  dateMs,
});

const withoutContentDigests = (lines: FieldLines): string[] => without(lines, (name) => contentDigests.has(name));

/** RFC 9110 §14.2: ranges apply only to a GET that would be answered 200, and only if `If-Range` matches. */
function rangesOf(headers: Fields, stored: StoredResponse): ReturnType<typeof selectRanges> {
  const range = headers.get('range');
  if (range === undefined || stored.status !== 200 || !ifRangeMatches(headers, stored)) return 'none';
  return selectRanges(range, lengthOf(stored.content));
}

function sendRanges(
  reply: Reply,
  { body, headers }: StoredResponse,
  lines: string[],
  ranges: 'unsatisfiable' | ByteRange[],
): void {
  if (ranges === 'unsatisfiable') {
    const bare = without(lines, (name) => ofBody.has(name));
    bare.push('Content-Range', formatContentRange(undefined, body.byteLength));
    reply.send(416, bare, Buffer.alloc(0));
    return;
  }
  const [only] = ranges;
  if (ranges.length === 1 && only !== undefined) {
    lines.push('Content-Range', formatContentRange(only, body.byteLength));
    reply.send(206, lines, body.subarray(only.start, only.end + 1));
    return;
  }
  const boundary = randomBytes(BOUNDARY_BYTES).toString('hex');
  const parts = multipartRanges(body, ranges, { boundary, contentType: headers.get('content-type') });
  const retyped = without(lines, (name) => name === 'content-type');
  retyped.push('Content-Type', parts.contentType, 'Content-Length', String(parts.byteLength));
  const sink = reply.begin(206, retyped);
  for (const piece of parts.pieces) sink.write(piece);
  sink.end();
}
