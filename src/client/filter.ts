import type { UnstaleEvent } from './types.ts';

/** What a tab, or a stream, wants to be told. All events if both are empty. */
export interface Filter {
  readonly match: readonly string[];
  readonly tags: readonly string[];
}

/** Limits of the gateway on one subscription. */
const MAX_FILTERS = 64;
const MAX_SEGMENTS = 256;

/** All events. */
const everything: Filter = { match: [], tags: [] };
/** Selects all events, too, but its stream begins with the status of every origin. That of `everything` does not. */
const withStatuses: Filter = { match: ['/**'], tags: ['*'] };

const isWithStatuses = ({ match, tags }: Filter): boolean => match.includes('/**') && tags.includes('*');
const isEverything = ({ match, tags }: Filter): boolean => match.length + tags.length === 0;
const asksForStatuses = ({ tags }: Filter): boolean => tags.some((tag) => overlap(tag.split('*'), ['unstale:', '']));

/** Whether a stream with the filter `wide` is told whatever `narrow` wants. Not of patterns that contain others. */
export const covers = (wide: Filter, narrow: Filter): boolean =>
  isWithStatuses(wide) ||
  (isEverything(wide) && !asksForStatuses(narrow)) ||
  (!isEverything(narrow) &&
    narrow.match.every((pattern) => wide.match.includes(pattern)) &&
    narrow.tags.every((tag) => wide.tags.includes(tag)));

/** A filter that covers all of them: one of everything, if that is too much for one subscription. */
export function unionOf(filters: readonly Filter[]): Filter {
  const all = filters.some(asksForStatuses) ? withStatuses : everything;
  if (filters.some(isEverything)) return all;
  const match = [...new Set(filters.flatMap((filter) => filter.match))];
  const tags = [...new Set(filters.flatMap((filter) => filter.tags))];
  const isTooMuch = match.length + tags.length > MAX_FILTERS || match.join('').split('/').length > MAX_SEGMENTS;
  return isTooMuch ? all : { match, tags };
}

/**
 * What of a shared stream a tab is told. Nothing that the gateway would send to a stream of its own is left out. A
 * little more may be told.
 */
export function wanted(filter: Filter): (event: Pick<UnstaleEvent, 'paths' | 'tags'>) => boolean {
  const [patterns, tags] = [filter.match.map(segmentsOf), filter.tags.map((tag) => tag.split('*'))];
  return (event) =>
    isEverything(filter) ||
    event.paths.some((path) => {
      const segments = segmentsOf(path.replace(/\?.*/s, ''));
      return patterns.some((pattern) => pathsOverlap(pattern, segments));
    }) ||
    event.tags.some((tag) => tags.some((own) => overlap(own, tag.split('*'))));
}

/** The literal texts around wildcards: one text is no wildcard. Undefined is `**`. */
type Texts = readonly string[] | undefined;

const segmentsOf = (path: string): Texts[] =>
  path
    .split('/')
    .filter((segment) => segment !== '')
    .map((segment) => {
      if (segment === '**') return undefined;
      try {
        return segment
          .replace(/:[A-Za-z_]\w*/g, '*')
          .split('*')
          .map(decodeURIComponent);
      } catch {
        // The gateway knows which text that is. Here it may be any.
        return ['', ''];
      }
    });

/** Whether some path matches both. A pattern and the name of an event may both have wildcards. */
function pathsOverlap(a: readonly Texts[], b: readonly Texts[]): boolean {
  for (let i = 0; ; i++) {
    const [one, other] = [a[i], b[i]];
    if (i < a.length && one === undefined) return true;
    if (i < b.length && other === undefined) return true;
    if (one === undefined || other === undefined) return a.length === b.length;
    if (!overlap(one, other)) return false;
  }
}

/** Whether their beginnings and their ends agree. What lies between could be filled in. */
function overlap(a: readonly string[], b: readonly string[]): boolean {
  const [one, other] = [a[0] ?? '', b[0] ?? ''];
  if (a.length + b.length === 2) return one === other;
  return agree(one, other, (x, y) => x.startsWith(y)) && agree(a.at(-1) ?? '', b.at(-1) ?? '', (x, y) => x.endsWith(y));
}

const agree = (a: string, b: string, has: (x: string, y: string) => boolean): boolean => has(a, b) || has(b, a);
