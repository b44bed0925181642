import { isPatternWithin, parsePattern, patternShape, patternsOverlap } from '../route/pattern.ts';
import { tagsOverlap, wildcardOf } from '../rules/cascade.ts';
import { describeTarget } from '../rules/target.ts';
import { parseTemplate } from '../rules/template.ts';
import type { PathTemplate, Target, Template } from '../rules/types.ts';
import { lintCascades } from './lint-cascade.ts';
import { lintElementTags } from './lint-element-tags.ts';
import { effective, type Located, type RouteContext, shapeOf } from './lint-routes.ts';
import { templatesOf } from './lint-rules.ts';
import { positionOf } from './problem.ts';
import type { RouteSettings } from './route-schema.ts';
import type { RuleSettings } from './rule-schema.ts';

/** Checks routes and rules against each other: each may be valid, and the connection between them missing. */
export function lintCoherence(
  routes: readonly Located<RouteSettings>[],
  rules: readonly Located<RuleSettings>[],
  context: RouteContext,
): void {
  const carried = routes.flatMap(({ settings }) =>
    (settings.tags ?? []).map((tag) => wildcardOf(parseTemplate(tag, 'tag'))),
  );
  const invalidated: Target[] = [];
  // Paths that are written can be read, too, and the origin may let them be cached without a route.
  const written = rules.map(({ settings }) => patternShape(parsePattern(settings.on.pattern)));
  const shapes = routes.length === 0 ? [] : [...routes.map(({ settings }) => shapeOf(settings)), ...written];
  for (const rule of rules) {
    for (const { path, written: text, kind } of templatesOf(rule)) {
      const template = parseTemplate(text, kind);
      const target = wildcardOf(template);
      if (kind === 'tag') invalidated.push(target);
      const report = { target, written: text, path };
      if (coversEverything(template, target)) reportEverything(rule, report);
      else if (kind === 'path') lintPathTarget(rule, report, shapes);
      else lintTagTarget(rule, report, carried, routes.length > 0);
    }
    lintSettle(rule);
  }
  // A cascade also invalidates tags that no rule names.
  invalidated.push(...lintCascades(routes, rules));
  for (const route of routes) {
    if (rules.length > 0) lintOwnTags(route, invalidated);
    lintElementTags(route, rules, invalidated);
    lintPerUser(route, context);
  }
  lintOverlaps(routes, context);
}

interface Named {
  readonly target: Target;
  readonly written: string;
  readonly path: readonly PropertyKey[];
}

/** Whether a target with wildcards for its placeholders covers everything. */
function coversEverything(template: Template, target: Target): boolean {
  // A tenant in the path does not: `/*/orders`, or `/{tenant}/**`, which never falls back.
  if (template.kind === 'path' && template.segments.some((segment) => hasValue(template, segment))) return false;
  if (target.kind === 'pattern') return /^(?:\/\*\*?)+$/.test(target.pattern);
  return target.kind === 'tagPattern' && target.parts.every((part) => part === '');
}

/** Whether a segment always has a value: parameters of the path that is written do. */
function hasValue({ placeholders }: PathTemplate, segment: PathTemplate['segments'][number]): boolean {
  if (typeof segment === 'string') return false;
  return segment.every(
    (piece) => typeof piece === 'string' || placeholders[piece]?.sources.every(({ root }) => root === 'params'),
  );
}

function reportEverything({ document }: Located<RuleSettings>, { target, written, path }: Named): void {
  const isLiteral = !written.includes('{');
  document.report(path, {
    message: isLiteral
      ? `${written} covers everything`
      : `${written} falls back to ${describeTarget(target)}, which covers everything`,
    hint: isLiteral ? 'name what the write makes stale' : 'start with literal text: /steps/{id}',
    warning: 'widens-to-everything',
  });
}

function lintPathTarget({ document }: Located<RuleSettings>, { target, path }: Named, shapes: readonly string[]): void {
  const pattern =
    target.kind === 'pattern' ? target.pattern : target.kind === 'path' || target.kind === 'query' ? target.path : '';
  // Without routes, the origin alone decides what is cached.
  if (shapes.length === 0 || shapes.some((shape) => patternsOverlap(shape, pattern))) return;
  document.report(path, {
    message: `no route matches ${pattern}, and no rule matches writes to it`,
    hint: 'correct the path, or add a route: without one, only the origin decides what is cached',
    warning: 'target-without-route',
  });
}

function lintTagTarget(
  { document }: Located<RuleSettings>,
  { target, written, path }: Named,
  carried: readonly Target[],
  hasRoutes: boolean,
): void {
  if (!hasRoutes || carried.some((tag) => tagsOverlap(tag, target))) return;
  document.report(path, {
    message: `no route declares the tag ${written}`,
    hint: `add it to the tags of a route, unless the origin sends it (Surrogate-Key, Cache-Tag, xkey, Cache-Groups)`,
    warning: 'tag-without-route',
  });
}

function lintSettle({ document, path, settings }: Located<RuleSettings>): void {
  if (settings.settle === undefined || settings.settle === 0) return;
  if (settings.refresh === undefined && settings.patch === undefined) return;
  document.report([...path, 'settle'], {
    message: 'nothing is stored during settle, so refresh and patch have no effect',
    hint: 'remove one of them',
    warning: 'settle-defeats',
    atKey: true,
  });
}

function lintOwnTags({ document, path, settings }: Located<RouteSettings>, invalidated: readonly Target[]): void {
  for (const [i, tag] of (settings.tags ?? []).entries()) {
    const target = wildcardOf(parseTemplate(tag, 'tag'));
    if (invalidated.some((other) => tagsOverlap(other, target))) continue;
    document.report([...path, 'tags', i], {
      message: `no rule invalidates the tag ${tag}`,
      hint: 'add it to a rule for writes that change it, or remove it',
      warning: 'tag-never-invalidated',
    });
  }
}

/** Path segments that APIs use where the response depends on the user. */
const perUserWords = new Set([
  ...['me', 'my', 'self', 'myself', 'current', 'whoami', 'account', 'profile', 'session', 'sessions', 'dashboard'],
  ...['notifications', 'inbox', 'cart', 'basket', 'wishlist', 'preferences', 'settings', 'feed', 'recommendations'],
]);

function lintPerUser({ document, path, settings }: Located<RouteSettings>, context: RouteContext): void {
  const word = parsePattern(settings.match).find(
    (segment) => segment.kind === 'literal' && perUserWords.has(segment.text),
  );
  const policy = effective(settings.cache, context);
  if (word === undefined || policy.off || policy.credentials === 'perUser') return;
  // By default, responses to requests with credentials are not shared.
  const shares =
    policy.credentials === 'shared' ||
    policy.sharedCredentials.length > 0 ||
    policy.cookies === 'ignore' ||
    policy.force;
  if (!shares && policy.ttlMs === undefined) return;
  document.report([...path, 'match'], {
    message: `${settings.match} looks like data of one user, but its responses are shared`,
    hint: 'use cache: off, or credentials: perUser with a userKey',
    warning: 'per-user-data-shared',
  });
}

/** Reports pairs of patterns that overlap without one being an exception to the other. */
function lintOverlaps(routes: readonly Located<RouteSettings>[], context: RouteContext): void {
  for (const [i, route] of routes.entries()) {
    const shape = shapeOf(route.settings);
    const policy = JSON.stringify(effective(route.settings.cache, context));
    const other = routes.slice(0, i).find((earlier) => {
      const theirs = shapeOf(earlier.settings);
      return (
        patternsOverlap(theirs, shape) &&
        !isPatternWithin(theirs, shape) &&
        !isPatternWithin(shape, theirs) &&
        JSON.stringify(effective(earlier.settings.cache, context)) !== policy
      );
    });
    if (other === undefined) continue;
    const where = positionOf(other.document.positionOf([...other.path, 'match']));
    route.document.report([...route.path, 'match'], {
      message: `${route.settings.match} and ${other.settings.match} (${where}) overlap with different policies`,
      hint: 'the first of the two applies to paths that match both: add a route for those before them, or narrow one',
      warning: 'routes-overlap',
    });
  }
}
