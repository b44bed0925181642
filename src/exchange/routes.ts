import type { GatewayConfig, RouteConfig } from '../config/model.ts';
import { PatternTrie, parsePattern, patternShape } from '../route/pattern.ts';
import { ignoredInTags, inOneCase, type PathDifference, plainPattern, spelledPlainly } from '../route/spelling.ts';
import { compileTags } from '../rules/compile.ts';
import { parseTemplate } from '../rules/template.ts';
import type { OriginShares } from './origin-shares.ts';
import type { Origin, Route, RouteTable } from './ports.ts';

/** Compiles the routes of a configuration. The first match wins; a resource that matches none gets the fallback. */
export function compileRoutes(
  config: GatewayConfig,
  origins: ReadonlyMap<string, Origin>,
  shares: ReadonlyMap<string, OriginShares> = new Map(),
): RouteTable {
  const ignored = ignoredInTags(config.origins);
  const originOf = (name: string): Pick<Route, 'origin' | 'shares' | 'ignoredInTags'> => {
    const origin = origins.get(name);
    if (origin === undefined) throw new Error(`no origin is called "${name}": the configuration was not validated`);
    return { origin, shares: shares.get(name), ignoredInTags: ignored.get(name) ?? [] };
  };
  const trie = new PatternTrie<Ordered>();
  for (const [order, written] of config.routes.entries()) {
    const route = {
      name: written.match,
      policy: written,
      tags: written.tags.length === 0 ? undefined : compileTags(written.tags),
      before: written.before === undefined ? undefined : parseTemplate(written.before, 'path'),
      plainParams: plainParamsOf(written.match, config.origins[written.origin]?.ignoreInPaths ?? []),
      ...originOf(written.origin),
    };
    trie.add(written.match, { route, order });
  }
  const spellings = otherSpellings(config);
  const fallback = {
    route: {
      name: undefined,
      policy: config.fallback,
      tags: undefined,
      before: undefined,
      plainParams: undefined,
      ...originOf(config.fallback.origin),
    },
    params: {},
  };
  return {
    find: (resource) => {
      const match = trie.first(resource);
      const found = match === undefined ? fallback : { route: match.data.route, params: match.params };
      if (spellings.size === 0) return found;
      const order = match?.data.order ?? config.routes.length;
      const meant = spellings.get(found.route.policy.origin)?.(resource, order);
      return meant === undefined ? found : asOther(found, meant);
    },
  };
}

interface Ordered {
  readonly route: Route;
  readonly order: number;
}

/** By origin: finds the route that a resource is another spelling of, if that route precedes the given order. */
type Spellings = ReadonlyMap<string, (resource: string, before: number) => RouteConfig | undefined>;

function otherSpellings({ origins, routes }: GatewayConfig): Spellings {
  const spellings = new Map<string, (resource: string, before: number) => RouteConfig | undefined>();
  for (const [name, { ignoreInPaths }] of Object.entries(origins)) {
    if (ignoreInPaths.length === 0) continue;
    const plain = routes.map(({ match }) => plainPattern(match, ignoreInPaths));
    const shapes = plain.map((pattern) => patternShape(parsePattern(pattern)));
    const trie = new PatternTrie<number>(ignoreInPaths.includes('case') ? inOneCase : undefined);
    for (const [order, { origin }] of routes.entries()) if (origin === name) trie.add(plain[order] as string, order);
    spellings.set(name, (resource, before) => {
      const order = trie.first(spelledPlainly(resource, ignoreInPaths))?.data;
      if (order === undefined || order >= before) return undefined;
      // `/items/:id.json` and `/items/:id`: each is spelled in its own way.
      return shapes[order] === shapes[before] ? undefined : routes[order];
    });
  }
  return spellings;
}

/** Finds the params of a resource's plain spelling; undefined if they are always those of the resource. */
function plainParamsOf(match: string, ignored: readonly PathDifference[]): Route['plainParams'] {
  if (ignored.every((difference) => difference === 'case')) return undefined;
  const trie = new PatternTrie<undefined>(ignored.includes('case') ? inOneCase : undefined);
  trie.add(plainPattern(match, ignored), undefined);
  return (resource) => {
    const plain = spelledPlainly(resource, ignored);
    return plain === resource ? undefined : trie.first(plain)?.params;
  };
}

/**
 * Another spelling of a routed path always passes through. If it were stored, no rule would find it, and one user's
 * response could be cached under the policy of whatever route the spelling happens to match.
 */
function asOther(
  found: { route: Route; params: Readonly<Record<string, string>> },
  { match, cache, client }: RouteConfig,
) {
  const policy = { ...found.route.policy, cache: { ...cache, off: true }, client };
  return { route: { ...found.route, name: match, policy }, params: found.params };
}
