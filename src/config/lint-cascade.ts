import { isPatternWithin, patternsOverlap } from '../route/pattern.ts';
import { compileCascade, isIdentity, tagsOverlap, wildcardOf } from '../rules/cascade.ts';
import { parseTemplate } from '../rules/template.ts';
import type { Target } from '../rules/types.ts';
import { type Located, shapeOf } from './lint-routes.ts';
import type { RouteSettings } from './route-schema.ts';
import type { RuleSettings } from './rule-schema.ts';
import type { Path } from './source-document.ts';

/** A route with its tags, classified as a cascade does. */
interface Embedding {
  readonly route: Located<RouteSettings>;
  /** The tags that identify its responses. */
  readonly names: readonly Target[];
  readonly embedded: readonly { readonly written: string; readonly tag: Target }[];
}

/** Reports cascades that stop too early. @returns the tags that cascades reach */
export function lintCascades(
  routes: readonly Located<RouteSettings>[],
  rules: readonly Located<RuleSettings>[],
): readonly Target[] {
  const cascade = compileCascade(routes.map(({ settings: { match, tags } }) => ({ match, tags: tags ?? [] })));
  const embeddings = routes.map(embeddingOf);
  const reached = rules.flatMap((rule) =>
    cascading(rule).flatMap(({ target, path }) => {
      lintStart(rule, target, path, embeddings);
      return cascade.of(target, false);
    }),
  );
  for (const each of embeddings) lintEnd(each, embeddings, reached);
  return reached;
}

function embeddingOf(route: Located<RouteSettings>): Embedding {
  const templates = (route.settings.tags ?? []).map((tag) => parseTemplate(tag, 'tag'));
  const embedded = templates.filter((template) => !isIdentity(template));
  return {
    route,
    names: templates.filter(isIdentity).map(wildcardOf),
    embedded: embedded.map((template) => ({ written: template.text, tag: wildcardOf(template) })),
  };
}

function cascading({ settings, path }: Located<RuleSettings>): { target: Target; path: Path }[] {
  return (settings.invalidate ?? []).flatMap((target, i) => {
    if (typeof target === 'string' || !target.cascade) return [];
    const template = 'tag' in target ? parseTemplate(target.tag, 'tag') : parseTemplate(target.path, 'path');
    return [{ target: wildcardOf(template), path: [...path, 'invalidate', i, 'cascade'] }];
  });
}

/** The tags of a route identify its paths. Without any, nothing says what embeds them. */
function lintStart(
  { document }: Located<RuleSettings>,
  target: Target,
  path: Path,
  routes: readonly Embedding[],
): void {
  if (target.kind === 'tag' || target.kind === 'tagPattern') return;
  const shape = target.kind === 'pattern' ? target.pattern : target.path;
  const governing = routes.find(({ route }) => isPatternWithin(shape, shapeOf(route.settings)));
  const concerned =
    governing === undefined
      ? routes.filter(({ route }) => patternsOverlap(shapeOf(route.settings), shape))
      : [governing];
  if (concerned.some(({ names }) => names.length > 0)) return;
  const [first] = concerned;
  document.report(path, {
    message: `the cascade has no effect: ${
      first === undefined ? `no route matches ${shape}` : `no tag identifies ${first.route.settings.match}`
    }`,
    hint: 'give the route a tag made of its parameters, such as step:{stepId} on /steps/:stepId, or remove cascade',
    warning: 'cascade-dead-end',
  });
}

/**
 * A cascade may end at a route that no tag identifies if nothing embeds it. But if another route carries a tag that
 * identifies no route, the tag may be meant for this one.
 */
function lintEnd(
  { route: { document, path, settings }, names, embedded }: Embedding,
  routes: readonly Embedding[],
  reached: readonly Target[],
): void {
  const isReached = (tag: Target): boolean => reached.some((other) => tagsOverlap(other, tag));
  if (names.length > 0 || !embedded.some(({ tag }) => isReached(tag))) return;
  const known = routes.flatMap((other) => other.names);
  for (const { route, embedded: theirs } of routes) {
    if (route.settings === settings) continue;
    const nameless = theirs.find(({ tag }) => !isReached(tag) && !known.some((name) => tagsOverlap(name, tag)));
    if (nameless === undefined) continue;
    document.report([...path, 'tags'], {
      message: `the cascade stops at ${settings.match}: no tag identifies it. ${route.settings.match} carries ${nameless.written}, which identifies no route`,
      hint: `if that tag is meant for ${settings.match}, give it the tag with its own parameter: step:{stepId} on /steps/:stepId`,
      warning: 'cascade-dead-end',
    });
    return;
  }
}
