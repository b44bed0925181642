import { hash } from 'node:crypto';
import { endToEnd } from './connection.ts';
import { parseHttpDate } from './date.ts';
import { parseEntityTag, parseEntityTags, strongMatch, weakMatch } from './etag.ts';
import { type FieldLines, Fields, without } from './fields.ts';

/** What a conditional request is compared with: the response that would be sent if it were not conditional. */
export interface Selected {
  readonly status: number;
  readonly etag?: string | undefined;
  readonly lastModifiedMs?: number | undefined;
  /** Its `Date`, and when it was received (wall clock): they stand in for a missing `Last-Modified` (RFC 9111 §4.3.2). */
  readonly dateMs?: number | undefined;
  readonly respondedAt?: number | undefined;
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

function isModifiedSince(ifModifiedSince: string, selected: Selected): boolean {
  // RFC 9111 §4.3.2: without Last-Modified, the Date, else the time of receipt.
  const modified = selected.lastModifiedMs ?? selected.dateMs ?? selected.respondedAt;
  if (modified === undefined) return true;
  // Only the century of a two-digit year hangs on `now`; the time of receipt is near enough.
  const since = parseHttpDate(ifModifiedSince, selected.respondedAt ?? modified);
  return since === undefined || modified > since;
}

/**
 * The request has conditions that only an origin may evaluate (RFC 9111 §4.3.2): it is forwarded as it is, and the answer, a 412
 * perhaps, passed on.
 */
export function hasOriginPreconditions(request: Fields): boolean {
  return request.has('if-match') || request.has('if-unmodified-since');
}

/**
 * The lines that make a request for a stored response a validation of it (RFC 9111 §4.3.1). `stored` are the origin's fields: an
 * `ETag` of the gateway's own means nothing to it. `strongOnly` for what an invalidation has hit: a second is long enough
 * for a write, and a weak tag may outlive one, so that only a strong tag proves that nothing has changed.
 */
export function revalidationFields(stored: Fields, options: { strongOnly?: boolean } = {}): string[] {
  const lines: string[] = [];
  const etag = stored.get('etag');
  const tag = parseEntityTag(etag);
  if (etag !== undefined && tag !== undefined && !(tag.weak && options.strongOnly === true)) {
    lines.push('If-None-Match', etag);
  }
  const lastModified = stored.get('last-modified');
  // As it was sent: an origin may compare it as text.
  if (lastModified !== undefined && options.strongOnly !== true && isDate(lastModified)) {
    lines.push('If-Modified-Since', lastModified);
  }
  return lines;
}

function isDate(text: string): boolean {
  return parseHttpDate(text, 0) !== undefined;
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
  const kept = keptEtag(stored, added);
  const lines = without(added, (name) => bodyFields.has(name) || (name === 'etag' && kept));
  for (const name of new Fields(lines).names()) replaced.add(name);
  return [...without(stored, (name) => replaced.has(name)), ...lines];
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
 * length it names agree, and shows that it is stale where one differs. Other answers say nothing.
 */
export function headFreshens(
  stored: { status: number; headers: Fields; bodyBytes: number },
  head: { status: number; headers: Fields },
): 'freshen' | 'stale' | 'nothing' {
  if (head.status !== 200 || stored.status !== 200) return 'nothing';
  for (const name of ['etag', 'last-modified']) {
    const now = head.headers.get(name);
    if (now !== undefined && now !== stored.headers.get(name)) return 'stale';
  }
  const length = head.headers.get('content-length');
  return length !== undefined && Number(length) !== stored.bodyBytes ? 'stale' : 'freshen';
}

/** A strong entity tag made of the body: two bodies that share one are, for all that can be computed, the same. */
export function strongEtag(body: Uint8Array): string {
  return `"${hash('sha256', body, 'base64url')}"`;
}
