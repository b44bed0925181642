import type { DraftRead, DraftRoute, DraftRule } from './draft-model.ts';
import { tagName } from './draft-rules.ts';
import { covers, isWithin, patternsMeet } from './pattern-sets.ts';

interface Drafted {
  readonly routes: readonly DraftRoute[];
  readonly reads: readonly DraftRead[];
  readonly rules: readonly DraftRule[];
}

/**
 * The routes of some patterns, and the rules that make them stale. Nothing else is stored: a response without a route
 * would have no rules.
 */
export function onlyOf({ routes, reads, rules }: Drafted, patterns: readonly string[]): Drafted {
  if (patterns.length === 0) return { routes, reads, rules };
  const kept = routes.filter(({ match }) => patterns.some((pattern) => covers(pattern, match)));
  if (kept.length === 0) return { routes: [], reads: [], rules: [] };
  const tags = new Set(kept.flatMap((route) => route.tags.map(tagName)));
  const isKept = (text: string): boolean => kept.some(({ match, off }) => !off && patternsMeet(text, match));
  const concerned = rules.flatMap((rule): DraftRule[] => {
    const targets = rule.targets.filter(({ kind, text }) => (kind === 'tag' ? tags.has(tagName(text)) : isKept(text)));
    return targets.length === 0 ? [] : [{ ...rule, targets }];
  });
  const befores = routes.filter((route) => route.before !== undefined && !kept.includes(route));
  const needed = befores.filter(({ match }) => concerned.some(({ pattern }) => pattern === match));
  const rest: DraftRoute = {
    comments: ['everything else: not drafted (--only), so not stored'],
    match: '/**',
    off: true,
    tags: [],
    before: undefined,
  };
  return {
    routes: [...kept, ...needed, ...(patterns.some((pattern) => pattern === '/**') ? [] : [rest])],
    reads: reads.filter((read) => patterns.some((pattern) => covers(pattern, read.pattern))),
    rules: concerned,
  };
}

/**
 * Silences a warning of `check`: `/issues/comments/:id` and `/issues/:issue/timeline` overlap, but only at a path that
 * is no resource.
 */
export function withOverlaps(routes: readonly DraftRoute[]): DraftRoute[] {
  return routes.map((route, i) => {
    const other = routes
      .slice(0, i)
      .find(
        (each) =>
          each.off !== route.off &&
          patternsMeet(each.match, route.match) &&
          !isWithin(each.match, route.match) &&
          !isWithin(route.match, each.match),
      );
    if (other === undefined) return route;
    const comments = [
      ...route.comments,
      `what it has in common with ${other.match} is no resource`,
      'unstale-ignore routes-overlap',
    ];
    return { ...route, comments };
  });
}
