import type { GatewayConfig } from '../config/model.ts';
import { PatternTrie } from '../route/pattern.ts';
import { compileTags } from '../rules/compile.ts';
import { parseTemplate } from '../rules/template.ts';
import type { Origin, Route, RouteTable } from './ports.ts';

/** The routes of a configuration, first match wins; what matches none gets the fallback policy. */
export function compileRoutes(config: GatewayConfig, origins: ReadonlyMap<string, Origin>): RouteTable {
  const originOf = (name: string): Origin => {
    const origin = origins.get(name);
    if (origin === undefined) throw new Error(`no origin is called "${name}": the configuration was not validated`);
    return origin;
  };
  const trie = new PatternTrie<Route>();
  for (const route of config.routes) {
    trie.add(route.match, {
      name: route.match,
      policy: route,
      tags: route.tags.length === 0 ? undefined : compileTags(route.tags),
      before: route.before === undefined ? undefined : parseTemplate(route.before, 'path'),
      origin: originOf(route.origin),
    });
  }
  const fallback = {
    route: {
      name: undefined,
      policy: config.fallback,
      tags: undefined,
      before: undefined,
      origin: originOf(config.fallback.origin),
    },
    params: {},
  };
  return {
    find: (resource) => {
      const match = trie.first(resource);
      return match === undefined ? fallback : { route: match.data, params: match.params };
    },
  };
}
