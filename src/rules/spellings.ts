import type { GatewayConfig } from '../config/model.ts';
import { PatternTrie, parsePattern, type Segment } from '../route/pattern.ts';
import {
  foldedPath,
  foldedQuery,
  foldedTag,
  ignoredInTags,
  inOneCase,
  type PathDifference,
  spelledPlainly,
} from '../route/spelling.ts';
import type { IgnoredDifferences } from './spelled-patterns.ts';

/** The paths that an origin takes for the same (`ignoreInPaths`). */
export interface Spellings extends IgnoredDifferences {
  /** How routes and rules spell a resource; undefined if they spell it like this. */
  plain(resource: string): string | undefined;
  readonly folded: FoldedForms;
}

/** One form of all spellings that the origins take for the same. What is stored carries tags of it, too. */
export interface FoldedForms {
  /** All origins ignore the same. Otherwise two names with one form may be those of different resources. */
  readonly isExact: boolean;
  /** Undefined if the resource has that form. */
  path(resource: string): string | undefined;
  /** The folded forms of a pattern, one for each set of differences that some origin ignores, but not itself. */
  patterns(pattern: string): readonly string[];
  /** @param query sorted, of a resource at `path` */
  query(path: string, query: string): string;
  tag(name: string): string;
}

/** A pattern without names, as it is written, and its folded forms. */
export const formsOf = (shape: string, folded: FoldedForms): readonly string[] => [shape, ...folded.patterns(shape)];

export const asTheyStand: Spellings = {
  plain: () => undefined,
  folded: {
    isExact: true,
    path: () => undefined,
    patterns: () => [],
    query: (_path, query) => query,
    tag: (name) => name,
  },
  ignoredAt: () => [],
  ignored: [],
};

type Config = Pick<GatewayConfig, 'routes' | 'fallback'> & {
  readonly origins: Readonly<Record<string, { readonly ignoreInPaths: readonly PathDifference[] }>>;
  readonly rules: readonly { readonly pattern: string }[];
};

export function compileSpellings({ origins, routes, rules, fallback }: Config): Spellings {
  if (Object.values(origins).every(({ ignoreInPaths }) => ignoreInPaths.length === 0)) return asTheyStand;
  const originOf = new PatternTrie<string>();
  for (const { match, origin } of routes) originOf.add(match, origin);
  const plainly = new Map(
    Object.entries(origins).map(([name, { ignoreInPaths }]) => {
      const own = routes.filter(({ origin }) => origin === name).map(({ match }) => match);
      return [name, speller([...own, ...rules.map(({ pattern }) => pattern)], ignoreInPaths)];
    }),
  );
  const ofOrigin = (resource: string): string => originOf.first(resource)?.data ?? fallback.origin;
  return {
    plain: (resource) => {
      const plain = plainly.get(ofOrigin(resource))?.(resource);
      return plain === resource ? undefined : plain;
    },
    folded: foldedForms(origins, ofOrigin),
    ignoredAt: (resource) => origins[ofOrigin(resource)]?.ignoreInPaths ?? [],
    ignored: Object.values(origins).flatMap(({ ignoreInPaths: own }) => (own.length === 0 ? [] : [own])),
  };
}

function foldedForms(origins: Config['origins'], ofOrigin: (resource: string) => string): FoldedForms {
  const ignored = ignoredInTags(origins);
  const ignoredAt = (resource: string): readonly PathDifference[] => ignored.get(ofOrigin(resource)) ?? [];
  const anywhere = [...ignored.values()];
  const inTags = anywhere.flat();
  const kinds = new Set(Object.values(origins).map(({ ignoreInPaths }) => [...ignoreInPaths].sort().join()));
  return {
    isExact: kinds.size === 1,
    path: (resource) => foldedPath(resource, ignoredAt(resource)),
    patterns: (pattern) => [...new Set(anywhere.flatMap((each) => foldedPath(pattern, each) ?? []))],
    query: (path, query) => foldedQuery(query, ignoredAt(path)),
    tag: (name) => foldedTag(name, inTags),
  };
}

/** Spells literal segments as the first pattern does that has them. Values of parameters keep their case. */
function speller(patterns: readonly string[], ignored: readonly PathDifference[]): (resource: string) => string {
  if (!ignored.includes('case')) return (resource) => spelledPlainly(resource, ignored);
  const trie = new PatternTrie<readonly Segment[]>(inOneCase);
  for (const pattern of patterns) trie.add(pattern, parsePattern(pattern));
  return (resource) => {
    const segments = spelledPlainly(resource, ignored).slice(1).split('/');
    for (const { data } of trie.matches(`/${segments.join('/')}`).reverse()) {
      for (const [at, segment] of data.entries()) if (segment.kind === 'literal') segments[at] = segment.text;
    }
    return `/${segments.join('/')}`;
  };
}
