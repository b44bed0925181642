import { matchesParts } from '../coherence/tag.ts';
import { encodeSegment, resourceOf, withoutQuery } from '../route/path.ts';
import {
  isPatternWithin,
  narrowed,
  PatternError,
  parsePattern,
  pathMatchesPattern,
  patternShape,
  patternsOverlap,
} from '../route/pattern.ts';
import type { Event } from './event.ts';
import type { Filter } from './filter.ts';
import type { Rights } from './rights.ts';
import { hasWildcard, MAX_SEGMENTS, tagsOverlap } from './topic.ts';

/** Limits on a claim: it is compared with every event. */
const MAX_GRANTS = 64;
const MAX_GRANT_LENGTH = 1_024;

/** Stands for a cause that the subscriber may not see. */
const HIDDEN_CAUSE = { method: 'UNKNOWN', path: '/**', rule: null } as const;

/**
 * What a claim grants: `{ "match": ["/users/{sub}/**"], "tags": ["room:*"] }`. `{sub}` stands for the token's own
 * `sub`. It is data: encoded into its segment, and never a pattern. A claim with any mistake grants nothing.
 * @param widened adds the folded forms of what the claim says. The value of `{sub}` is not folded: that of another user
 * may have the same form
 * @returns the filter that the claim amounts to, or what is wrong with it
 */
export function grantOf(
  claim: unknown,
  subject: unknown,
  widened: (grant: Filter) => Filter = (grant) => grant,
): Filter | { readonly mistake: string } {
  if (subject !== undefined && typeof subject !== 'string') return { mistake: 'the "sub" is no text' };
  if (typeof claim !== 'object' || claim === null || Array.isArray(claim)) return { mistake: 'it is not an object' };
  const { match = [], tags = [], ...others } = claim as { match?: unknown; tags?: unknown };
  const [other] = Object.keys(others);
  if (other !== undefined) return { mistake: `it has neither "match" nor "tags" alone, but "${other.slice(0, 64)}"` };
  if (!isTexts(match) || !isTexts(tags)) return { mistake: '"match" and "tags" are lists of texts' };
  if (match.length + tags.length > MAX_GRANTS) return { mistake: `it has more than ${MAX_GRANTS} patterns and tags` };
  const names = (name: string): boolean => name.includes('{sub}');
  if ([...match, ...tags].some(names) && (subject === undefined || subject === '')) {
    return { mistake: 'it names {sub}, and the token has no "sub"' };
  }
  const value = subject ?? '';
  // `/:id{sub}` would become a parameter with another name, which matches every segment.
  if (match.some((pattern) => /:\w*\{sub\}/.test(pattern))) return { mistake: '{sub} follows a parameter' };
  // In tags, a star is a wildcard, and values are not escaped.
  if (tags.some(names) && value.includes('*')) return { mistake: 'the "sub" has a "*", which is a wildcard in tags' };
  const patterns = match.map((pattern) => pattern.replaceAll('{sub}', () => encodeSegment(value)));
  const granted = { match: patterns, tags: tags.map((tag) => tag.replaceAll('{sub}', () => value)) };
  if ([...granted.match, ...granted.tags].some((text) => text === '' || text.length > MAX_GRANT_LENGTH)) {
    return { mistake: `a pattern or tag is empty, or has more than ${MAX_GRANT_LENGTH} characters` };
  }
  try {
    const shapes = patterns.map((pattern) => patternShape(parsePattern(pattern)));
    if (shapes.reduce((sum, shape) => sum + shape.split('/').length - 1, 0) > MAX_SEGMENTS) {
      return { mistake: `its patterns have more than ${MAX_SEGMENTS} segments` };
    }
    return withForms({ match: shapes, tags: granted.tags }, { match, tags }, value, widened);
  } catch (error) {
    if (!(error instanceof PatternError)) throw error;
    return { mistake: `match: ${error.message}` };
  }
}

/** @param written the same as the claim has it, with `{sub}` */
function withForms(granted: Filter, written: Filter, value: string, widened: (grant: Filter) => Filter): Filter {
  const standIn = standInFor([...written.match, ...written.tags]);
  /** Folding must not lose the value (`/a.{sub}` without its extension), nor find it where the claim has none. */
  const formsOf = (text: string, fold: (text: string) => readonly string[], inserted: string): string[] =>
    fold(text.replaceAll('{sub}', standIn))
      .filter((form) => form.split(standIn).length === text.split('{sub}').length)
      .map((form) => form.replaceAll(standIn, () => inserted));
  const paths = (text: string) => widened({ match: [patternShape(parsePattern(text))], tags: [] }).match;
  const tags = (text: string) => widened({ match: [], tags: [text] }).tags;
  const match = written.match.flatMap((text) => formsOf(text, paths, encodeSegment(value)));
  return {
    match: [...new Set([...granted.match, ...match])],
    tags: [...new Set([...granted.tags, ...written.tags.flatMap((text) => formsOf(text, tags, value))])],
  };
}

/** Stands for the value of `{sub}` in what is folded: a text that no difference in spelling changes. */
function standInFor(texts: readonly string[]): string {
  let standIn = 'sub0';
  while (texts.some((text) => text.includes(standIn))) standIn += '0';
  return standIn;
}

/** The rights that a token gives. */
export class Grants implements Rights {
  readonly key: string;
  readonly subject: string | undefined;
  readonly expiresAt: number | undefined;
  readonly grant: Filter;

  /** @param grant its patterns without parameter names, as from `grantOf` */
  constructor(grant: Filter, { subject, expiresAt }: Pick<Rights, 'subject' | 'expiresAt'>) {
    this.grant = grant;
    this.subject = subject;
    this.expiresAt = expiresAt;
    this.key = JSON.stringify([[...grant.match].sort(), [...grant.tags].sort()]);
  }

  allows({ match, tags }: Filter): boolean {
    const { grant } = this;
    if (match.length + tags.length === 0) return grant.match.length + grant.tags.length > 0;
    const shapes = match.map((pattern) => patternShape(parsePattern(pattern)));
    return (
      shapes.some((shape) => grant.match.some((granted) => patternsOverlap(shape, granted))) ||
      tags.some((tag) => grant.tags.some((granted) => tagsOverlap(tag, granted)))
    );
  }

  visible(event: Event): Event | undefined {
    const paths = [...new Set(event.paths.flatMap((path) => this.#pathsIn(path)))];
    const tags = [...new Set(event.tags.flatMap((tag) => this.#tagsIn(tag)))];
    if (paths.length + tags.length === 0) return undefined;
    const { payload, cause, ...rest } = event;
    const showsCause = this.#seesPath(cause.path);
    const isWhole = showsCause && isSame(paths, event.paths) && isSame(tags, event.tags);
    // A payload may say anything of any of the resources.
    const shown = isWhole && payload !== undefined ? { payload } : {};
    return { ...rest, paths, tags, cause: showsCause ? cause : HIDDEN_CAUSE, ...shown };
  }

  #seesPath(path: string): boolean {
    // An operator's invalidation has no path.
    return path.startsWith('/') && this.grant.match.some((granted) => pathMatchesPattern(resourceOf(path), granted));
  }

  /** The part of a path or pattern that may be seen: with a wildcard, what it has in common with the grants. */
  #pathsIn(named: string): string[] {
    const path = withoutQuery(named);
    const granted = this.grant.match;
    if (!hasWildcard(path)) return granted.some((pattern) => pathMatchesPattern(path, pattern)) ? [named] : [];
    if (granted.some((pattern) => isPatternWithin(path, pattern))) return [named];
    return granted.filter((pattern) => patternsOverlap(path, pattern)).map((pattern) => narrowed(path, pattern));
  }

  #tagsIn(tag: string): string[] {
    const granted = this.grant.tags;
    if (granted.some((pattern) => matchesParts(tag, pattern.split('*')))) return [tag];
    return hasWildcard(tag) ? granted.filter((pattern) => tagsOverlap(tag, pattern)) : [];
  }
}

function isTexts(value: unknown): value is string[] {
  return Array.isArray(value) && value.every((each) => typeof each === 'string');
}

function isSame(some: readonly string[], all: readonly string[]): boolean {
  return some.length === new Set(all).size && some.every((name) => all.includes(name));
}
