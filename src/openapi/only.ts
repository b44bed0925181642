import type { DraftRoute, DraftRule } from './draft-model.ts';
import { tagName } from './draft-rules.ts';

interface Drafted {
  readonly routes: readonly DraftRoute[];
  readonly rules: readonly DraftRule[];
}

/**
 * The routes of some patterns, and the rules that make them stale. Nothing else is stored: a response without a route
 * would have no rules.
 */
export function onlyOf({ routes, rules }: Drafted, patterns: readonly string[]): Drafted {
  if (patterns.length === 0) return { routes, rules };
  const kept = routes.filter(({ match }) => patterns.some((pattern) => covers(pattern, match)));
  if (kept.length === 0) return { routes: [], rules: [] };
  const tags = new Set(kept.flatMap((route) => route.tags.map(tagName)));
  const isKept = (text: string): boolean => kept.some(({ match, off }) => !off && meets(text, match));
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
          meets(each.match, route.match) &&
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

/** Whether every path of a pattern is one of another pattern. */
function isWithin(inner: string, outer: string): boolean {
  const [a, b] = [inner.split('/'), outer.split('/')];
  return b.every((segment, i) => segment === '**' || (a[i] !== undefined && (isAny(segment) || segment === a[i])));
}

const isAny = (segment: string | undefined): boolean => segment === '*' || /^[:{]/.test(segment ?? '');

/** Whether a pattern covers the route of another one. A parameter matches any segment. */
function covers(pattern: string, match: string): boolean {
  const [a, b] = [pattern.split('/'), match.split('/')];
  for (const [i, segment] of a.entries()) {
    if (segment === '**') return true;
    if (b[i] === undefined || !(isAny(segment) || segment === b[i])) return false;
  }
  return a.length === b.length;
}

/** Whether a target and a route have a path in common. */
function meets(target: string, match: string): boolean {
  const [a, b] = [segmentsOf(target), match.split('/')];
  for (const [i, segment] of a.entries()) {
    if (segment === '**') return true;
    if (b[i] === undefined || !(isAny(segment) || isAny(b[i]) || segment === b[i])) return false;
  }
  return a.length === b.length;
}

/** A placeholder may contain slashes in its quotes; it is one segment. */
const segmentsOf = (target: string): string[] => target.replaceAll(/\{[^}]*\}/g, '{}').split('/');
