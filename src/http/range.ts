import { parseHttpDate } from './date.ts';
import { parseEntityTag, strongMatch } from './etag.ts';
import type { Fields } from './fields.ts';
import { splitList } from './list.ts';
import { type Dated, isStrongDate } from './validation.ts';

/** A byte range, both ends included, as in `Range` and `Content-Range`. */
export interface ByteRange {
  readonly start: number;
  readonly end: number;
}

/** RFC 9110 §14.2 permits ignoring many ranges: each adds a part head, and many cost more than the whole body. */
export const MAX_RANGES = 16;

/**
 * The ranges that a `Range` selects from a complete representation of `size` bytes (RFC 9110 §14.1.2, §14.2). `none`:
 * ignore the field (absent, malformed, another unit, too many ranges). `unsatisfiable`: 416. Ranges that overlap or
 * touch are joined, as §15.3.7.2 suggests, so that no byte is sent twice.
 */
export function selectRanges(header: string | undefined, size: number): 'none' | 'unsatisfiable' | ByteRange[] {
  if (header === undefined) return 'none';
  const specifier = /^bytes=(.*)$/is.exec(header);
  if (specifier === null) return 'none';
  const members = splitList(specifier[1] ?? '');
  if (members.length === 0 || members.length > MAX_RANGES) return 'none';
  const satisfiable: ByteRange[] = [];
  for (const member of members) {
    const range = selectRange(member, size);
    // §14.2: an invalid member makes the whole field invalid, so it is ignored.
    if (range === 'invalid') return 'none';
    if (range !== 'beyond') satisfiable.push(range);
  }
  return satisfiable.length === 0 ? 'unsatisfiable' : coalesce(satisfiable);
}

function selectRange(member: string, size: number): ByteRange | 'invalid' | 'beyond' {
  const match = /^([0-9]*)-([0-9]*)$/.exec(member);
  const [, first = '', last = ''] = match ?? [];
  if (first === '' && last === '') return 'invalid';
  if (first === '') {
    // §14.1.2: the last octets, of a shorter representation all; the last none are none. All of an empty one is
    // satisfiable, but no Content-Range can say so.
    if (Number(last) === 0) return 'beyond';
    return size === 0 ? 'invalid' : { start: Math.max(0, size - Number(last)), end: size - 1 };
  }
  const start = Number(first);
  const end = last === '' ? Number.POSITIVE_INFINITY : Number(last);
  if (end < start) return 'invalid';
  return start >= size ? 'beyond' : { start, end: Math.min(end, size - 1) };
}

/** In the requested order, or in ascending order if some ranges are joined. */
function coalesce(ranges: readonly ByteRange[]): ByteRange[] {
  const joined: ByteRange[] = [];
  for (const range of [...ranges].sort((a, b) => a.start - b.start)) {
    const before = joined.at(-1);
    if (before === undefined || range.start > before.end + 1) joined.push(range);
    else joined[joined.length - 1] = { start: before.start, end: Math.max(before.end, range.end) };
  }
  return joined.length === ranges.length ? [...ranges] : joined;
}

/**
 * Whether a `Range` applies (RFC 9110 §13.1.5): without `If-Range`, or if it strongly matches the representation. A
 * date matches only if it equals `Last-Modified` and that is at least a second older than `Date` (§8.8.2.2).
 */
export function ifRangeMatches(request: Fields, selected: Dated & { readonly etag?: string | undefined }): boolean {
  const ifRange = request.get('if-range');
  if (ifRange === undefined) return true;
  const asked = parseEntityTag(ifRange);
  if (asked !== undefined) {
    const current = parseEntityTag(selected.etag);
    return current !== undefined && strongMatch(asked, current);
  }
  const { lastModifiedMs } = selected;
  return isStrongDate(selected) && parseHttpDate(ifRange, lastModifiedMs ?? 0) === lastModifiedMs;
}

/** `bytes 0-1/10`; without a range, the form with a star for a 416 (RFC 9110 §14.4). */
export function formatContentRange(range: ByteRange | undefined, size: number): string {
  return range === undefined ? `bytes */${size}` : `bytes ${range.start}-${range.end}/${size}`;
}

/** RFC 9110 §14.4; undefined if malformed, contradictory or in another unit. `size` is undefined for `*`. */
export function parseContentRange(value: string | undefined): (ByteRange & { size: number | undefined }) | undefined {
  const match = /^bytes ([0-9]{1,15})-([0-9]{1,15})\/([0-9]{1,15}|\*)$/i.exec(value ?? '');
  if (match === null) return undefined;
  const [, first, last, complete] = match;
  const start = Number(first);
  const end = Number(last);
  const size = complete === '*' ? undefined : Number(complete);
  if (end < start || (size !== undefined && end >= size)) return undefined;
  return { start, end, size };
}
