import { decodeSegment, encodeSegment, escapeText, segmentsOf, sortedQuery } from './path.ts';

/** Letters' case; what follows a ";" in a segment; what follows the last "." of the last segment. */
export type PathDifference = 'case' | 'parameters' | 'extension';

/**
 * A resource as an origin sees it that makes no difference of these: without parameters (`/users/me;x.css`) and
 * segments that are nothing else, and without an extension (`/users/me.json`). Letters keep their case: values of
 * parameters are made of them.
 */
export function spelledPlainly(resource: string, ignored: readonly PathDifference[]): string {
  let segments = resource.slice(1).split('/');
  if (ignored.includes('parameters')) {
    // In a resource a ";" is escaped.
    segments = segments.map((segment) => segment.split('%3B', 1)[0] as string).filter((segment) => segment !== '');
  }
  const last = segments.at(-1);
  if (ignored.includes('extension') && last !== undefined) {
    const at = last.lastIndexOf('.');
    if (at > 0) segments = [...segments.slice(0, -1), last.slice(0, at)];
  }
  return `/${segments.join('/')}`;
}

/** A pattern for plain spellings: `/items/:id` for `/items/:id.json`, and for `/items/:id.:ext`. */
export function plainPattern(pattern: string, ignored: readonly PathDifference[]): string {
  if (!ignored.includes('extension')) return pattern;
  return pattern.replace(/(?<=[^/])\.(?:[^./:*]*|:[A-Za-z0-9_]+)$/, '');
}

/**
 * What makes no difference to the tags of what is stored, by origin. Where one origin ignores case, case makes none for
 * the others either: what stands in its paths are ids, which rules put into tags, queries and paths of any origin.
 */
export function ignoredInTags(
  origins: Readonly<Record<string, { readonly ignoreInPaths: readonly PathDifference[] }>>,
): ReadonlyMap<string, readonly PathDifference[]> {
  const all = Object.entries(origins);
  const ignoresCase = all.some(([, { ignoreInPaths }]) => ignoreInPaths.includes('case'));
  return new Map(
    all.map(([name, { ignoreInPaths: own }]) => {
      return [name, ignoresCase && !own.includes('case') ? [...own, 'case'] : own];
    }),
  );
}

/**
 * One form of all spellings of a resource, values of parameters included; undefined if it has that form. Wildcards of
 * a pattern stay. For tags only: nobody is asked for it.
 */
export function foldedPath(resource: string, ignored: readonly PathDifference[]): string | undefined {
  if (ignored.length === 0) return undefined;
  const plain = spelledPlainly(resource, ignored);
  const folded = ignored.includes('case') ? `/${segmentsOf(plain).map(foldedSegment).join('/')}` : plain;
  return folded === resource ? undefined : folded;
}

/** A star is a wildcard: one that is meant is escaped. */
function foldedSegment(segment: string): string {
  return segment
    .split('*')
    .map((text) => encodeSegment(inOneCase(text)))
    .join('*');
}

/** The same for a sorted query, in which ids from paths may stand. */
export function foldedQuery(query: string, ignored: readonly PathDifference[]): string {
  if (!ignored.includes('case')) return query;
  // Each by itself: what is escaped in it separates nothing, and need not be UTF-8 where the others are.
  const pairs = query.split('&').map((pair) => pair.split('=').map((text) => escapeText(inOneCase(text))));
  return sortedQuery(pairs.map((pair) => pair.join('=')).join('&'));
}

/** The same for a named tag. */
export function foldedTag(name: string, ignored: readonly PathDifference[]): string {
  return ignored.includes('case') ? foldedCase(name) : name;
}

/** A literal segment of a pattern, or one that is compared with it. */
export function inOneCase(segment: string): string {
  return foldedCase(decodeSegment(segment));
}

/**
 * Lower case alone leaves apart what differs in it: "ß" is "SS" in upper case, and a sigma at the end of a word has a
 * form of its own, so that a part of a text would differ from the same part of the whole.
 */
function foldedCase(text: string): string {
  return text.toLowerCase().toUpperCase().toLowerCase().replaceAll('ς', 'σ');
}
