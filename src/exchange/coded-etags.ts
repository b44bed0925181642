import type { ContentCoding } from '../config/model.ts';
import { acceptsCoding } from '../http/content-coding.ts';
import { codedEtag, parseEntityTag, parseEntityTags, uncodedEtags, weakMatch } from '../http/etag.ts';
import type { FieldLines, Fields } from '../http/fields.ts';
import { safeMethods } from '../http/methods.ts';
import type { ClientRequest } from './ports.ts';

/*
 * Clients receive entity tags for the codings that the gateway makes (read/encoder.ts), and send them back in
 * conditions. The origin knows only its own entity tags: it would answer 412 to every such `If-Match`.
 */

/** The lines of a request, with the gateway's entity tags in conditions replaced by the origin's. */
export function uncodedConditions(
  lines: FieldLines,
  { method, headers }: ClientRequest,
  codings: readonly ContentCoding[],
): FieldLines {
  if (codings.length === 0 || !(headers.has('if-match') || headers.has('if-none-match'))) return lines;
  // With `Range`, the tag names the coded octets that the client has. The origin cannot continue those.
  if (headers.has('range')) return lines;
  const stillTaken = safeMethods.has(method) ? takenBy(headers, codings) : codings;
  return lines.map((text, i) => {
    const name = i % 2 === 0 ? '' : (lines[i - 1] as string).toLowerCase();
    if (name === 'if-match') return uncodedEtags(text, codings);
    return name === 'if-none-match' ? uncodedEtags(text, stillTaken) : text;
  });
}

/**
 * The entity tag to send with the origin's 304. If the client's copy has a coding made by the gateway, this is the
 * copy's own tag: a client ignores a 304 for another one (RFC 9111 §4.3.4). Undefined keeps the origin's tag.
 */
export function codedEtagOf304(
  status: number,
  etag: string | undefined,
  headers: Fields,
  codings: readonly ContentCoding[],
): string | undefined {
  const ifNoneMatch = status === 304 && codings.length > 0 ? headers.get('if-none-match') : undefined;
  const listed = ifNoneMatch === undefined ? '*' : parseEntityTags(ifNoneMatch);
  const lists = (candidate: string | undefined): boolean => {
    const tag = parseEntityTag(candidate);
    return tag !== undefined && listed !== '*' && listed.some((each) => weakMatch(each, tag));
  };
  if (listed === '*' || lists(etag)) return undefined;
  return takenBy(headers, codings)
    .map((coding) => codedEtag(etag, coding))
    .find(lists);
}

function takenBy(headers: Fields, codings: readonly ContentCoding[]): readonly ContentCoding[] {
  const accepted = headers.get('accept-encoding');
  return codings.filter((coding) => acceptsCoding(accepted, coding));
}
