import { hash } from 'node:crypto';
import { endToEnd } from './connection.ts';
import { parseHttpDate } from './date.ts';
import { parseEntityTag, parseEntityTags, strongMatch, weakMatch } from './etag.ts';
import { type FieldLines, Fields } from './fields.ts';

/** What a conditional request is compared with: the response that would be sent if it were not conditional. */
export interface Selected extends Dated {
  readonly status: number;
  readonly etag?: string | undefined;
}

/** `Last-Modified` and `Date` of a response, in milliseconds; undefined where they are missing or are no dates. */
export interface Dated {
  readonly lastModifiedMs?: number | undefined;
  readonly dateMs?: number | undefined;
}

/**
 * Whether `Last-Modified` names one representation (RFC 9110 §8.8.2.2). A date counts seconds: a response that was made in the
 * second of its last change may be followed by another change in that second, which bears the same date.
 */
export function isStrongDate({ lastModifiedMs, dateMs }: Dated): boolean {
  return lastModifiedMs !== undefined && dateMs !== undefined && dateMs - lastModifiedMs >= 1000;
}

/** Whether a request may be answered by 304 (RFC 9110 §13.1.2, §13.1.3, in the order of §13.2.2). */
export function evaluatePreconditions(request: Fields, selected: Selected, method: string): 'full' | 'not-modified' {
  // §13.1.2, §13.1.3: for other methods a match means 412, which only the origin may say.
  if (method !== 'GET' && method !== 'HEAD') return 'full';
  // §13.2.1: conditions are for what would be a success without them.
  if (selected.status < 200 || selected.status > 299) return 'full';
  const ifNoneMatch = request.get('if-none-match');
  // §13.1.3: If-Modified-Since is ignored where there is an If-None-Match, however that comes out.
  if (ifNoneMatch !== undefined) return noneMatches(ifNoneMatch, selected.etag) ? 'full' : 'not-modified';
  const ifModifiedSince = request.get('if-modified-since');
  if (ifModifiedSince === undefined) return 'full';
  return isModifiedSince(ifModifiedSince, selected) ? 'full' : 'not-modified';
}

function noneMatches(ifNoneMatch: string, etag: string | undefined): boolean {
  const listed = parseEntityTags(ifNoneMatch);
  if (listed === '*') return false;
  const current = parseEntityTag(etag);
  return current === undefined || !listed.some((tag) => weakMatch(tag, current));
}

/**
 * RFC 9111 §4.3.2 would have `Date`, or the time of receipt, stand in for a missing `Last-Modified`. They tell when a response was
 * made, not when it changed: a write in that second, or a second server whose clock is ahead, and the client would keep
 * what was before the write. So without `Last-Modified` the answer is always whole.
 */
function isModifiedSince(ifModifiedSince: string, selected: Selected): boolean {
  const { lastModifiedMs: modified } = selected;
  if (modified === undefined) return true;
  // The century of a two-digit year is all that hangs on the second argument.
  const since = parseHttpDate(ifModifiedSince, modified);
  if (since === undefined || modified > since) return true;
  return modified === since && !isStrongDate(selected);
}

/**
 * The request has conditions that only an origin may evaluate (RFC 9111 §4.3.2): it is forwarded as it is, and the answer, a 412
 * perhaps, passed on.
 */
export function hasOriginPreconditions(request: Fields): boolean {
  return request.has('if-match') || request.has('if-unmodified-since');
}

/**
 * The lines that make a request for a stored response a validation of it (RFC 9111 §4.3.1). `headers` are the origin's fields: an
 * `ETag` of the gateway's own means nothing to it. A date that names two representations would have the older one
 * confirmed for ever, whatever its lifetime.
 */
export function revalidationFields(stored: Dated & { readonly headers: Fields }): string[] {
  const lines: string[] = [];
  const etag = stored.headers.get('etag');
  if (etag !== undefined && parseEntityTag(etag) !== undefined) lines.push('If-None-Match', etag);
  const lastModified = stored.headers.get('last-modified');
  // As it was sent: an origin may compare it as text.
  if (lastModified !== undefined && isStrongDate(stored)) lines.push('If-Modified-Since', lastModified);
  return lines;
}

/**
 * Fields that an update never touches: `Content-Length` by the RFC's word, the others by the exception that it makes for the
 * integrity of the stored response (RFC 9111 §3.2), since the stored body depends on them. A 304 that said `Content-Encoding: gzip` or `Content-Type: text/html`, as frameworks do by default,
 * would change what the same stored bytes mean to every client.
 */
const bodyFields = new Set(['content-length', 'content-encoding', 'content-type', 'content-range']);

/** Fields that tell when a message was made: without them in the update, the old ones would date the new one. */
const datingFields = new Set(['age', 'date']);

/**
 * The stored fields brought up to date by a 304, or by a 200 to HEAD (RFC 9111 §3.2, §4.3.4). Lines that the update names are
 * replaced, all of them; the others stay. A `Vary` or tags that changed are for the caller to draw consequences from.
 */
export function freshen(stored: FieldLines, update: FieldLines): string[] {
  const added = endToEnd(update);
  const replaced = new Set(datingFields);
  const lines: string[] = [];
  const kept = keptEtag(stored, added);
  for (const [name, value] of pairs(added)) {
    const lower = name.toLowerCase();
    if (bodyFields.has(lower) || (lower === 'etag' && kept)) continue;
    replaced.add(lower);
    lines.push(name, value);
  }
  const rest: string[] = [];
  for (const [name, value] of pairs(stored)) if (!replaced.has(name.toLowerCase())) rest.push(name, value);
  return [...rest, ...lines];
}

/** An entity tag that differs by weakness alone names the stored bytes less exactly than the one they came with. */
function keptEtag(stored: FieldLines, added: FieldLines): boolean {
  const before = parseEntityTag(new Fields(stored).get('etag'));
  const now = parseEntityTag(new Fields(added).get('etag'));
  return before !== undefined && now !== undefined && !before.weak && now.weak && weakMatch(before, now);
}

/**
 * Whether a 304 is about this stored response (RFC 9111 §4.3.4). If not, it updates nothing, and the request is made again
 * without conditions. `stored` is the one response whose validators were sent, so a 304 that names none can mean no other.
 */
export function selectsForFreshening(stored: Fields, notModified: Fields): boolean {
  const before = parseEntityTag(stored.get('etag'));
  const now = parseEntityTag(notModified.get('etag'));
  if (now !== undefined && !now.weak) return before !== undefined && strongMatch(before, now);
  if (now !== undefined) return before !== undefined && weakMatch(before, now);
  const lastModified = notModified.get('last-modified');
  // A stored response that has no Last-Modified was validated by its entity tag; a date beside that contradicts nothing.
  return lastModified === undefined || !stored.has('last-modified') || stored.get('last-modified') === lastModified;
}

/**
 * What a 200 to HEAD means for the response stored for GET (RFC 9111 §4.3.5): it brings it up to date where every validator and
 * length it names agree, and shows that it is stale where one differs. Other answers say nothing, nor does one that only a
 * date of two representations ties to the stored one.
 */
export function headFreshens(
  stored: Dated & { status: number; headers: Fields; bodyBytes: number },
  head: { status: number; headers: Fields },
): 'freshen' | 'stale' | 'nothing' {
  if (head.status !== 200 || stored.status !== 200) return 'nothing';
  for (const name of ['etag', 'last-modified']) {
    const now = head.headers.get(name);
    if (now !== undefined && now !== stored.headers.get(name)) return 'stale';
  }
  const length = head.headers.get('content-length');
  if (length !== undefined && Number(length) !== stored.bodyBytes) return 'stale';
  const isTied = head.headers.has('etag') || stored.lastModifiedMs === undefined || isStrongDate(stored);
  return isTied ? 'freshen' : 'nothing';
}

function* pairs(lines: FieldLines): Generator<readonly [string, string]> {
  for (let i = 0; i + 1 < lines.length; i += 2) yield [lines[i] ?? '', lines[i + 1] ?? ''];
}

/** A strong entity tag made of the body: two bodies that share one are, for all that can be computed, the same. */
export function strongEtag(body: Uint8Array): string {
  return `"${hash('sha256', body, 'base64url')}"`;
}
