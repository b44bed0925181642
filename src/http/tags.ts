import { parseList } from 'structured-headers';
import type { Fields } from './fields.ts';

/** More tags, or more text, than any CDN accepts: an origin that sends this has a fault, and would fill the tag index with it. */
export const MAX_TAGS = 1_000;
export const MAX_TAG_BYTES = 1_024;
export const MAX_TAGS_BYTES = 32 * 1024;

/** The fields that carry tags or invalidate by them, in lower case: for this gateway, and not for clients unless a route says so. */
export const tagFields: readonly string[] = [
  'cache-group-invalidation',
  'cache-groups',
  'cache-tag',
  'edge-cache-tag',
  'surrogate-key',
  'xkey',
];

/** How each field but `Cache-Groups` separates its tags. */
const separators: Readonly<Record<string, RegExp>> = {
  'cache-tag': /,/,
  'edge-cache-tag': /,/,
  'surrogate-key': /[ \t]+/,
  xkey: /[ \t,]+/,
};

/**
 * The tags that an origin gave a response, each once, in the order of the fields. `overflow`: there are more, or longer ones, than
 * are kept, or some that cannot be read. Such a response is not stored at all: with tags dropped it would outlive its
 * invalidation.
 */
export function originTags(headers: Fields): { tags: string[]; overflow: boolean } {
  const groups = headers.get('cache-groups');
  const found = groups === undefined ? [] : stringsOf(groups);
  if (found === undefined) return { tags: [], overflow: true };
  for (const [name, separator] of Object.entries(separators)) {
    if (!headers.has(name)) continue;
    // Line by line: joined by ", ", two lines of Surrogate-Key would make a tag that ends in a comma.
    for (const value of headers.all(name)) {
      for (const part of value.split(separator)) found.push(part.trim());
    }
  }
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
 * The groups that the answer to an unsafe request invalidates (RFC 9875 §3), to be ignored on others. All of them, however many: the
 * bound on the response head is the only one that cannot leave something stale. A field that is no structured list of
 * strings is ignored as a whole, as structured fields are.
 */
export function groupInvalidations(headers: Fields): string[] {
  const value = headers.get('cache-group-invalidation');
  return value === undefined ? [] : [...new Set(stringsOf(value) ?? [])];
}

/** The members of a structured list of strings (RFC 9875 §2), parameters ignored; undefined where it is not one. */
function stringsOf(value: string): string[] | undefined {
  try {
    const strings: string[] = [];
    for (const [member] of parseList(value)) {
      if (typeof member !== 'string') return undefined;
      strings.push(member);
    }
    return strings;
  } catch {
    // Throwing is how the parser says that the text is not one (RFC 9651 §4.2).
    return undefined;
  }
}
