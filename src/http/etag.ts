export interface EntityTag {
  readonly weak: boolean;
  /** The text between the quotes. */
  readonly opaque: string;
}

/** RFC 9110 §8.8.3: visible characters and obs-text, except quotes; the `W` is upper case. */
const entityTag = /^(W\/)?"([\x21\x23-\x7e\x80-\u00ff]*)"$/;
/** One member of a list. Not a quoted string: backslashes and commas are ordinary characters of an entity tag. */
const member = /(?:^|,)[ \t]*(W\/)?"([\x21\x23-\x7e\x80-\u00ff]*)"[ \t]*(?=,|$)/g;

/** Parses an entity tag strictly; undefined for anything else, including an unquoted one. */
export function parseEntityTag(text: string | undefined): EntityTag | undefined {
  const match = text === undefined ? null : entityTag.exec(text);
  return match === null ? undefined : { weak: match[1] !== undefined, opaque: match[2] ?? '' };
}

/** The entity tags of `If-None-Match` or `If-Match`, or `*`. Malformed members match nothing and are left out. */
export function parseEntityTags(value: string): readonly EntityTag[] | '*' {
  if (/^[ \t]*\*[ \t]*$/.test(value)) return '*';
  return Array.from(value.matchAll(member), ([, weak, opaque = '']) => ({ weak: weak !== undefined, opaque }));
}

/** RFC 9110 §8.8.3.2 */
export function strongMatch(a: EntityTag, b: EntityTag): boolean {
  return !a.weak && !b.weak && a.opaque === b.opaque;
}

/** RFC 9110 §8.8.3.2 */
export function weakMatch(a: EntityTag, b: EntityTag): boolean {
  return a.opaque === b.opaque;
}

/** The weak form of an entity tag, for a body whose bytes changed but not its meaning (RFC 9110 §8.8.1). */
export function weakened(etag: string): string {
  return parseEntityTag(etag)?.weak === false ? `W/${etag}` : etag;
}

/**
 * Marks the entity tags of codings that this gateway made. An origin's own may end in "-gzip", and must not be taken
 * for one.
 */
const MADE_HERE = '-unstale-';

/** RFC 9110 §8.8.3.3: a coding of what `etag` names is a representation of its own, and needs a tag of its own. */
export function codedEtag(etag: string | undefined, coding: string): string | undefined {
  const tag = parseEntityTag(etag);
  return tag === undefined ? undefined : `${tag.weak ? 'W/' : ''}"${tag.opaque}${MADE_HERE}${coding}"`;
}

/**
 * `If-Match` or `If-None-Match`, in which the tags of `codings` made here are replaced by those of what they were made
 * of.
 */
export function uncodedEtags(value: string, codings: readonly string[]): string {
  if (codings.length === 0 || !value.includes(MADE_HERE)) return value;
  const coded = new RegExp(`"([\\x21\\x23-\\x7e\\x80-\\u00ff]*)${MADE_HERE}(?:${codings.join('|')})"`, 'g');
  return value.replace(coded, '"$1"');
}
