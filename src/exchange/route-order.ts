import type { GatewayConfig, RouteConfig, RoutePolicy } from '../config/model.ts';
import { type PatternMatch, parsePattern, patternShape } from '../route/pattern.ts';
import { plainPattern } from '../route/spelling.ts';
import { SpelledPatterns } from '../rules/spelled-patterns.ts';
import { compileSpellings } from '../rules/spellings.ts';

export interface Ordered {
  readonly config: RouteConfig;
  readonly order: number;
  /** Equal for routes that differ only in an extension that their origin ignores. */
  readonly shape: string;
}

/** The routes of a configuration. The first match wins, unless an earlier one matches another spelling. */
export class RouteOrder {
  readonly #patterns: SpelledPatterns<Ordered>;
  readonly #ignoresNothing: boolean;
  /** Comes after all routes, and has the shape of none. */
  readonly #fallback: { config: RoutePolicy; order: number; shape: undefined };

  constructor(config: GatewayConfig) {
    const { origins, routes, fallback } = config;
    const spellings = compileSpellings(config);
    this.#ignoresNothing = spellings.ignored.length === 0;
    this.#patterns = new SpelledPatterns(spellings);
    for (const [order, route] of routes.entries()) {
      const plain = plainPattern(route.match, origins[route.origin]?.ignoreInPaths ?? []);
      this.#patterns.add(route.match, { config: route, order, shape: patternShape(parsePattern(plain)) });
    }
    this.#fallback = { config: fallback, order: routes.length, shape: undefined };
  }

  /** The first route that matches the resource as it was sent. */
  first(resource: string): PatternMatch<Ordered> | undefined {
    return this.#patterns.first(resource);
  }

  /**
   * The route that the resource is another spelling of, if it precedes the first that matches. Routes that differ only
   * in an ignored extension, `/items/:id.json` and `/items/:id`, do not shadow each other.
   */
  otherOf(resource: string, first: Ordered | undefined): RouteConfig | undefined {
    if (this.#ignoresNothing) return undefined;
    const { config, order, shape } = first ?? this.#fallback;
    for (const { data: other } of this.#patterns.matches(resource)) {
      if (other.order >= order) return undefined;
      // One of the same shape must not hide the next, which may be private.
      if (other.config.origin === config.origin && other.shape !== shape) return other.config;
    }
    return undefined;
  }
}

/**
 * The policy of another spelling of a routed path: it always passes through. If it were stored, no rule would find it,
 * and one user's response could be cached under the policy of whatever route the spelling happens to match.
 */
export function asOther(found: RoutePolicy, { cache, client }: RouteConfig): RoutePolicy {
  return { ...found, cache: { ...cache, off: true }, client };
}

/** Finds the policy of a resource as the gateway does. */
export function policyFinder(config: GatewayConfig): (resource: string) => RoutePolicy {
  const order = new RouteOrder(config);
  return (resource) => {
    const first = order.first(resource)?.data;
    const other = order.otherOf(resource, first);
    const found = first?.config ?? config.fallback;
    return other === undefined ? found : asOther(found, other);
  };
}
