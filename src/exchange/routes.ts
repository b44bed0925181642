import type { GatewayConfig } from '../config/model.ts';
import { PatternTrie } from '../route/pattern.ts';
import { ignoredInTags, inOneCase, type PathDifference, plainPattern, spelledPlainly } from '../route/spelling.ts';
import { compileTags } from '../rules/compile.ts';
import { parseTemplate } from '../rules/template.ts';
import type { OriginShares } from './origin-shares.ts';
import type { Origin, Route, RouteTable } from './ports.ts';
import { asOther, RouteOrder } from './route-order.ts';

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
  const routes = config.routes.map((written) => ({
    name: written.match,
    policy: written,
    tags: written.tags.length === 0 ? undefined : compileTags(written.tags),
    before: written.before === undefined ? undefined : parseTemplate(written.before, 'path'),
    plainParams: plainParamsOf(written.match, config.origins[written.origin]?.ignoreInPaths ?? []),
    ...originOf(written.origin),
  }));
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
  const order = new RouteOrder(config);
  return {
    find: (resource) => {
      const first = order.first(resource);
      const found = first === undefined ? fallback : { route: routes[first.data.order] as Route, params: first.params };
      const other = order.otherOf(resource, first?.data);
      if (other === undefined) return found;
      const { route, params } = found;
      return { route: { ...route, name: other.match, policy: asOther(route.policy, other) }, params };
    },
  };
}

/** Finds the params of a resource's plain spelling; undefined if they are always those of the resource. */
function plainParamsOf(match: string, ignored: readonly PathDifference[]): Route['plainParams'] {
  if (ignored.every((difference) => difference === 'case')) return undefined;
  const trie = new PatternTrie<undefined>(ignored.includes('case') ? inOneCase : undefined);
  trie.add(plainPattern(match, ignored), undefined);
  return (resource, params) => {
    const plain = spelledPlainly(resource, ignored);
    const found = plain === resource ? undefined : trie.first(plain);
    // One that is the extension is not in the plain spelling.
    return found && { ...params, ...found.params };
  };
}
