import type { GatewayConfig } from '../config/model.ts';
import { PatternTrie, parsePattern, type Segment } from '../route/pattern.ts';
import { foldedPath, inOneCase, type PathDifference, spelledPlainly } from '../route/spelling.ts';

/** The paths that an origin takes for the same (`ignoreInPaths`). */
export interface Spellings {
  /** How routes and rules spell a resource; undefined if they spell it like this. */
  plain(resource: string): string | undefined;
  /** One form of all spellings of a resource; undefined if it has that form. */
  folded(resource: string): string | undefined;
}

export const asTheyStand: Spellings = { plain: () => undefined, folded: () => undefined };

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
    folded: (resource) => foldedPath(resource, origins[ofOrigin(resource)]?.ignoreInPaths ?? []),
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
