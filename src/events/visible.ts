import type { GatewayConfig } from '../config/model.ts';
import { resourceOf, withoutQuery } from '../route/path.ts';
import { isPatternWithin, PatternTrie, parsePattern, patternShape, patternsOverlap } from '../route/pattern.ts';
import type { Event } from './event.ts';

/** The cause of an operator's invalidation has this prefix instead of a path. */
const ADMIN = 'admin:';

type Shown = Pick<GatewayConfig, 'routes' | 'fallback' | 'rules'>;

/** How routes spell a path, where the origin takes several spellings for the same; undefined if they spell it so. */
type Plainly = (path: string) => string | undefined;

/**
 * The part of an event that subscribers may see, since anyone may subscribe. Paths of `cache: off` routes are left out:
 * they may be personal or secret (`/reset/S3CRET`), and nothing that the gateway stored there became stale. Events that
 * a rule declares (`event`) and invalidations by an operator are complete. Undefined if nothing is left.
 */
export function visibleEvents(
  { routes, fallback, rules }: Shown,
  plainly: Plainly = () => undefined,
): (event: Event) => Event | undefined {
  const declared = new Set(rules.filter(({ event }) => event !== undefined).map(({ name }) => name));
  const trie = new PatternTrie<{ readonly off: boolean; readonly match: string }>();
  for (const { match, cache } of routes) trie.add(match, { off: cache.off, match });
  const shapes = routes.map(({ match, cache }) => ({ shape: patternShape(parsePattern(match)), off: cache.off }));
  const other = { off: fallback.cache.off, match: '/**' };
  const routeOf = (path: string) => {
    const resource = resourceOf(path);
    const found = trie.first(resource)?.data ?? other;
    const plain = found.off ? undefined : plainly(resource);
    // The origin takes it for one that is not cached.
    const meant = plain === undefined ? found : (trie.first(plain)?.data ?? other);
    return meant.off ? meant : found;
  };
  /**
   * Whether no path that the pattern matches is cached. The first route that matches a path decides, so those behind
   * one that has all of the pattern never see it: a catch-all at the end must not show what is off before it.
   */
  const isPatternOff = (pattern: string): boolean => {
    for (const { shape, off } of shapes) {
      if (!off && patternsOverlap(shape, pattern)) return false;
      if (isPatternWithin(pattern, shape)) return off;
    }
    return other.off;
  };
  const isOff = (named: string): boolean => {
    const path = withoutQuery(named);
    return path.includes('*') ? isPatternOff(path) : routeOf(path).off;
  };
  return (event) => {
    const { cause, tags } = event;
    if (cause.path.startsWith(ADMIN) || (cause.rule !== null && declared.has(cause.rule))) return event;
    const paths = event.paths.filter((path) => !isOff(path));
    if (paths.length + tags.length === 0) return undefined;
    const { off, match } = routeOf(cause.path);
    if (!off && paths.length === event.paths.length) return event;
    return { ...event, paths, cause: off ? { method: cause.method, path: match, rule: cause.rule } : cause };
  };
}
