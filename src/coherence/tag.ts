import { withoutQuery } from '../route/path.ts';
import { pathMatchesPattern } from '../route/pattern.ts';

/**
 * Tags are strings with a one-letter kind in front, so that a name chosen by a configuration or an origin can never
 * be mistaken for an automatic one:
 *   p:/steps/7          every stored response of that path (canonical, see `canonicalPath`)
 *   q:/steps/7?lang=de  that path with exactly that query
 *   n:/steps/7          of that path, standing for several queries (No-Vary-Search): every query of the path covers it
 *   t:step:7            a declared tag, or one the origin sent
 */
export type Tag = string;

export const pathTag = (path: string): Tag => `p:${path}`;
/** `query` without the "?", its parameters sorted. */
export const queryTag = (path: string, query: string): Tag => `q:${path}?${query}`;
export const severalQueriesTag = (path: string): Tag => `n:${path}`;
/** Whether it names a path with all its queries. */
export const isPathTag = (tag: Tag): boolean => tag.startsWith('p:');
/** The path that an automatic tag names, whatever its query. */
export const pathOfTag = (tag: Tag): string => withoutQuery(tag.slice(2));
export const namedTag = (name: string): Tag => `t:${name}`;
export const isNamedTag = (tag: Tag): boolean => tag.startsWith('t:');

/** What one invalidation covers. All of it is data: no part is ever a regular expression. */
export interface Coverage {
  readonly tags: ReadonlySet<Tag>;
  /** Path patterns of `*` and `**` segments: `/steps/*`. */
  readonly patterns: readonly string[];
  /** Named tags with wildcards, as the literal parts between them: `step:*` is `['step:', '']`. */
  readonly tagPatterns: readonly (readonly string[])[];
}

/** What a response is matched by: its path, and all its tags, automatic ones included. */
export interface Tagged {
  readonly path: string;
  readonly tags: readonly Tag[];
}

/** The paths by which patterns find a response: its own, and the form of it that all its spellings have. */
export function pathsOf({ path, tags }: Tagged): readonly string[] {
  const paths = [path];
  for (const tag of tags) if (isPathTag(tag) && tag.slice(2) !== path) paths.push(tag.slice(2));
  return paths;
}

export function isCoveredBy(response: Tagged, coverage: Coverage): boolean {
  for (const tag of response.tags) if (coverage.tags.has(tag)) return true;
  if (coverage.patterns.length > 0) {
    const paths = pathsOf(response);
    for (const pattern of coverage.patterns) {
      for (const path of paths) if (pathMatchesPattern(path, pattern)) return true;
    }
  }
  for (const parts of coverage.tagPatterns) {
    for (const tag of response.tags) if (isNamedTag(tag) && matchesParts(tag.slice(2), parts)) return true;
  }
  return false;
}

/** Whether `text` consists of the parts in order, with any text between them. Linear in the text: no backtracking. */
export function matchesParts(text: string, parts: readonly string[]): boolean {
  const first = parts[0] ?? '';
  const last = parts[parts.length - 1] ?? '';
  if (parts.length < 2) return text === first;
  if (!text.startsWith(first) || text.length < first.length + last.length || !text.endsWith(last)) return false;
  let from = first.length;
  const end = text.length - last.length;
  for (const part of parts.slice(1, -1)) {
    const found = text.indexOf(part, from);
    if (found < 0 || found + part.length > end) return false;
    from = found + part.length;
  }
  return true;
}
