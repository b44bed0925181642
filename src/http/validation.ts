import { hash } from 'node:crypto';
import { endToEnd } from './connection.ts';
import { parseHttpDate } from './date.ts';
import { parseEntityTag, parseEntityTags, strongMatch, weakMatch } from './etag.ts';
import { type FieldLines, Fields, valuesOf, without } from './fields.ts';
import { isRead } from './methods.ts';

/** The response that a conditional request is evaluated against. */
export interface Selected extends Dated {
  readonly status: number;
  readonly etag?: string | undefined;
}

/** `Last-Modified` and `Date` of a response, in milliseconds; undefined if missing or malformed. */
export interface Dated {
  readonly lastModifiedMs?: number | undefined;
  readonly dateMs?: number | undefined;
}

/**
 * Whether `Last-Modified` is a strong validator (RFC 9110 §8.8.2.2). Dates have a resolution of a second: after a
 * response made in the second of its last change, another change in that second would have the same date.
 */
export function isStrongDate({ lastModifiedMs, dateMs }: Dated): boolean {
  return lastModifiedMs !== undefined && dateMs !== undefined && dateMs - lastModifiedMs >= 1000;
}

/** Whether a request may be answered with 304 (RFC 9110 §13.1.2, §13.1.3, in the order of §13.2.2). */
export function evaluatePreconditions(request: Fields, selected: Selected, method: string): 'full' | 'not-modified' {
  // §13.1.2, §13.1.3: for other methods a match means 412, which only the origin may say.
  if (!isRead({ method })) return 'full';
  // §13.2.1: conditions apply only if the response would otherwise be a success.
  if (selected.status < 200 || selected.status > 299) return 'full';
  const ifNoneMatch = request.get('if-none-match');
  // §13.1.3: If-None-Match overrides If-Modified-Since, whatever its result.
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
 * RFC 9111 §4.3.2 lets `Date`, or the time of receipt, replace a missing `Last-Modified`. They say when a response was
 * made, not when it changed: with a write in that second, or a server whose clock is ahead, the client would keep the
 * old representation. So without `Last-Modified` the response is always sent in full.
 */
function isModifiedSince(ifModifiedSince: string, selected: Selected): boolean {
  const { lastModifiedMs: modified } = selected;
  if (modified === undefined) return true;
  // Only the century of a two-digit year depends on the second argument.
  const since = parseHttpDate(ifModifiedSince, modified);
  if (since === undefined || modified > since) return true;
  return modified === since && !isStrongDate(selected);
}

/**
 * Whether the request has conditions that only an origin may evaluate (RFC 9111 §4.3.2). Such a request is forwarded
 * unchanged, and its response, possibly a 412, passed on.
 */
export function hasOriginPreconditions(request: Fields): boolean {
  return request.has('if-match') || request.has('if-unmodified-since');
}

/**
 * The lines that turn a request into a validation of a stored response (RFC 9111 §4.3.1). `headers` are the origin's
 * fields: it does not know an `ETag` of the gateway's own. A date that two representations share would confirm the
 * older one for ever.
 */
export function revalidationFields(stored: Dated & { readonly headers: Fields }): string[] {
  const lines: string[] = [];
  const etag = stored.headers.get('etag');
  if (etag !== undefined && parseEntityTag(etag) !== undefined) lines.push('If-None-Match', etag);
  const lastModified = stored.headers.get('last-modified');
  // Verbatim: an origin may compare it as text.
  if (lastModified !== undefined && isStrongDate(stored)) lines.push('If-Modified-Since', lastModified);
  return lines;
}

/**
 * The entity tag that tells whether the octets are the same (RFC 9110 §8.8.1). A weak one, or a date, may stay as it is
 * while a part of the representation changes: the date of a row says nothing of the rows that are shown with it.
 */
export function strongTagOf(headers: Fields): string | undefined {
  // Not by their index: a snapshot has a million of them, most of which are not looked at again.
  const [etag, ...others] = valuesOf(headers.lines, 'etag');
  return others.length === 0 && parseEntityTag(etag)?.weak === false ? etag : undefined;
}

/** Whether a 304 to a request whose only condition was the strong tag of `stored` says that the octets are the same. */
export function confirmsOctets(stored: Fields, notModified: Fields): boolean {
  if (strongTagOf(stored) === undefined || !selectsForFreshening(stored, notModified)) return false;
  return !notModified.has('etag') || strongTagOf(notModified) !== undefined;
}

/**
 * Fields that an update never changes, because the stored body depends on them: `Content-Length` as RFC 9111 §3.2
 * requires, the others by its exception for the integrity of the stored response. Frameworks add `Content-Encoding:
 * gzip` or `Content-Type: text/html` to a 304 by default, which would change the meaning of the stored bytes.
 */
const bodyFields = new Set(['content-length', 'content-encoding', 'content-type', 'content-range']);

/** Fields that date a message. The old ones must not survive an update that has none. */
const datingFields = new Set(['age', 'date']);

/**
 * The stored fields, updated by a 304 or by a 200 to HEAD (RFC 9111 §3.2, §4.3.4). The update replaces all lines of the
 * fields that it contains. The caller handles changes of `Vary` and of tags.
 */
export function freshen(stored: FieldLines, update: FieldLines): string[] {
  const added = endToEnd(update);
  const replaced = new Set(datingFields);
  const kept = keptEtag(stored, added);
  const lines = without(added, (name) => bodyFields.has(name) || (name === 'etag' && kept));
  for (const name of new Fields(lines).names()) replaced.add(name);
  return [...without(stored, (name) => replaced.has(name)), ...lines];
}

/**
 * Whether to keep the stored entity tag: the new one differs only in being weak, and identifies the bytes less exactly.
 */
function keptEtag(stored: FieldLines, added: FieldLines): boolean {
  const before = parseEntityTag(new Fields(stored).get('etag'));
  const now = parseEntityTag(new Fields(added).get('etag'));
  return before !== undefined && now !== undefined && !before.weak && now.weak && weakMatch(before, now);
}

/**
 * Whether a 304 applies to this stored response (RFC 9111 §4.3.4). If not, it updates nothing, and the request is
 * repeated without conditions. Only the validators of `stored` were sent, so a 304 without validators applies to it.
 */
export function selectsForFreshening(stored: Fields, notModified: Fields): boolean {
  const before = parseEntityTag(stored.get('etag'));
  const now = parseEntityTag(notModified.get('etag'));
  if (now !== undefined && !now.weak) return before !== undefined && strongMatch(before, now);
  if (now !== undefined) return before !== undefined && weakMatch(before, now);
  const lastModified = notModified.get('last-modified');
  // Without a stored Last-Modified, the entity tag was the validator, so a date is no contradiction.
  return lastModified === undefined || !stored.has('last-modified') || stored.get('last-modified') === lastModified;
}

/**
 * What a 200 to HEAD means for the response stored for GET (RFC 9111 §4.3.5): it freshens it if all validators and the
 * length match, and makes it stale if one differs. Other statuses have no effect, nor does a match by a weak date
 * alone.
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

/** A strong entity tag: a hash of the body. */
export function strongEtag(body: Uint8Array): string {
  return `"${hash('sha256', body, 'base64url')}"`;
}
