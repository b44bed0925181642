import { parseList } from 'structured-headers';
import type { Fields } from './fields.ts';

/** More than any CDN accepts. An origin that sends more is faulty, and would fill the tag index. */
export const MAX_TAGS = 1_000;
export const MAX_TAG_BYTES = 1_024;
export const MAX_TAGS_BYTES = 32 * 1024;

/** The fields that carry tags, in lower case. Clients do not get them unless a route says so. */
export const tagFields: readonly string[] = [
  'cache-group-invalidation',
  'cache-groups',
  'cache-tag',
  'edge-cache-tag',
  'surrogate-key',
  'xkey',
];

/** The separator of each field except `Cache-Groups`. */
const separators: readonly (readonly [name: string, separator: RegExp])[] = [
  ['cache-tag', /,/],
  ['edge-cache-tag', /,/],
  ['surrogate-key', /[ \t]+/],
  ['xkey', /[ \t,]+/],
];

/**
 * The tags that an origin gave a response, without duplicates, in the order of the fields. `overflow`: a bound is
 * exceeded or a field is malformed. Such a response must not be stored: with missing tags it would survive its
 * invalidation.
 */
export function originTags(headers: Fields): { tags: string[]; overflow: boolean } {
  const groups = headers.get('cache-groups');
  const found = groups === undefined ? [] : stringsOf(groups);
  if (found === undefined) return { tags: [], overflow: true };
  for (const [name, separator] of separators) {
    if (!headers.has(name)) continue;
    // Line by line: two lines of Surrogate-Key joined with ", " would give a tag that ends in a comma.
    for (const value of headers.all(name)) {
      for (const part of value.split(separator)) found.push(part.trim());
    }
  }
  if (found.length === 0) return { tags: found, overflow: false };
  const tags = [...new Set(found)].filter((tag) => tag !== '');
  return withinBounds(tags) ? { tags, overflow: false } : { tags: [], overflow: true };
}

function withinBounds(tags: readonly string[]): boolean {
  if (tags.length > MAX_TAGS) return false;
  let bytes = 0;
  for (const tag of tags) {
    if (tag.length > MAX_TAG_BYTES) return false;
    bytes += tag.length;
  }
  return bytes <= MAX_TAGS_BYTES;
}

/**
 * The groups that the response to an unsafe request invalidates (RFC 9875 §3); ignore them on other responses. Only the
 * bound on the response head limits them, since dropping one would leave something stale. A field that is not a
 * structured list of strings is ignored.
 */
export function groupInvalidations(headers: Fields): string[] {
  const value = headers.get('cache-group-invalidation');
  return value === undefined ? [] : [...new Set(stringsOf(value) ?? [])];
}

/** The members of a structured list of strings (RFC 9875 §2), without parameters; undefined if it is not one. */
function stringsOf(value: string): string[] | undefined {
  try {
    const strings: string[] = [];
    for (const [member] of parseList(value)) {
      if (typeof member !== 'string') return undefined;
      strings.push(member);
    }
    return strings;
  } catch {
    // The parser throws if the text is not a structured field (RFC 9651 §4.2).
    return undefined;
  }
}
