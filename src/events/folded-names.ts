import type { Event } from './event.ts';
import type { Filter } from './filter.ts';

/** What origins ignore in paths (rules/spellings.ts). */
interface Differences {
  /** Empty if none ignores anything. */
  readonly ignored: readonly unknown[];
  readonly folded: {
    /** All origins ignore the same. */
    readonly isExact: boolean;
    path(resource: string): string | undefined;
    patterns(pattern: string): readonly string[];
    query(path: string, query: string): string;
    tag(name: string): string;
  };
}

type View = (event: Event) => Event | undefined;

/**
 * Adds the folded form of each name that is seen of an event, so that a subscriber to that form hears of every
 * spelling. Where origins ignore different things, the folded form may be another resource, so nothing is added.
 */
export function foldedNames(differences: Differences, visible: View): View {
  if (!foldsExactly(differences)) return visible;
  const { path, tag } = formsOf(differences);
  return (told) => {
    const event = visible(told);
    if (event === undefined) return undefined;
    const paths = [...new Set([...event.paths, ...event.paths.flatMap(path)])];
    const tags = [...new Set([...event.tags, ...event.tags.map(tag)])];
    const isSame = paths.length === event.paths.length && tags.length === event.tags.length;
    return isSame ? event : { ...event, paths, tags };
  };
}

/** A grant for a resource also grants its folded form, which events name as well. */
export function foldedGrant(differences: Differences): (grant: Filter) => Filter {
  if (!foldsExactly(differences)) return (grant) => grant;
  const { path, tag } = formsOf(differences);
  return ({ match, tags }) => ({
    match: [...new Set([...match, ...match.flatMap(path)])],
    tags: [...new Set([...tags, ...tags.map(tag)])],
  });
}

const foldsExactly = ({ folded, ignored }: Differences): boolean => folded.isExact && ignored.length > 0;

/** Folds paths (with a query, or wildcards) and tags (with wildcards). */
function formsOf({ folded }: Differences) {
  const path = (named: string): readonly string[] => {
    if (named.includes('*')) return folded.patterns(named);
    const at = named.indexOf('?');
    const resource = at < 0 ? named : named.slice(0, at);
    const query = at < 0 ? '' : `?${folded.query(resource, named.slice(at + 1))}`;
    return [`${folded.path(resource) ?? resource}${query}`];
  };
  const tag = (named: string): string => named.split('*').map(folded.tag).join('*');
  return { path, tag };
}
