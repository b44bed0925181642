import { parsePattern, patternShape, patternsOverlap } from '../route/pattern.ts';
import { tagsOverlap, wildcardOf } from '../rules/cascade.ts';
import { parseTemplate } from '../rules/template.ts';
import type { Target, Template } from '../rules/types.ts';
import { type Located, shapeOf } from './lint-routes.ts';
import { templatesOf } from './lint-rules.ts';
import type { RouteSettings } from './route-schema.ts';
import type { RuleSettings } from './rule-schema.ts';

/**
 * Reports a route that rules find only by tags of the elements that its responses list. An empty list has none, and
 * what is added to a list is not among those that are stored with it. Not storing the empty list would hide that for as
 * long as it is empty.
 * @param invalidated the tags that rules and cascades invalidate
 */
export function lintElementTags(
  { document, path, settings }: Located<RouteSettings>,
  rules: readonly Located<RuleSettings>[],
  invalidated: readonly Target[],
): void {
  const found = (settings.tags ?? [])
    .map((written, i) => {
      const template = parseTemplate(written, 'tag');
      return { written, i, tag: wildcardOf(template), ofElements: isOfElements(template) };
    })
    .filter(({ tag }) => invalidated.some((other) => tagsOverlap(other, tag)));
  const [first] = found;
  if (first === undefined || found.some(({ ofElements }) => !ofElements)) return;
  const shape = shapeOf(settings);
  const tags = found.map(({ tag }) => tag);
  if (rules.some((rule) => namesPath(rule, shape) || (concerns(rule, tags) && writesTo(rule, shape)))) return;
  document.report([...path, 'tags', first.i], {
    message: `nothing invalidates ${settings.match} when an element is added: ${first.written} names those that it lists`,
    hint: 'add its path, or a tag made of its parameters (step:{stepId}), to the rule for writes that add one',
    warning: 'element-tags-alone',
  });
}

/** Whether a list in the response decides if there is such a tag. */
function isOfElements({ placeholders }: Template): boolean {
  return placeholders.some(({ sources }) =>
    sources.every(
      (source) => source.root === 'response' && source.steps.some(({ kind }) => kind !== 'name' && kind !== 'index'),
    ),
  );
}

function namesPath(rule: Located<RuleSettings>, shape: string): boolean {
  return templatesOf(rule).some(({ written, kind }) => {
    if (kind === 'tag') return false;
    const target = wildcardOf(parseTemplate(written, 'path'));
    if (target.kind === 'pattern') return patternsOverlap(shape, target.pattern);
    return target.kind !== 'tag' && target.kind !== 'tagPattern' && patternsOverlap(shape, target.path);
  });
}

/** Whether it invalidates one of the tags, or may do so by a cascade. */
function concerns(rule: Located<RuleSettings>, tags: readonly Target[]): boolean {
  const cascades = (rule.settings.invalidate ?? []).some((target) => typeof target !== 'string' && target.cascade);
  return (
    cascades ||
    templatesOf(rule).some(({ written, kind }) => {
      const target = kind === 'tag' && wildcardOf(parseTemplate(written, 'tag'));
      return target !== false && tags.some((tag) => tagsOverlap(target, tag));
    })
  );
}

/** Whether its writes, or those that add to the collection of what it writes to, are at paths of the route. */
function writesTo({ settings }: Located<RuleSettings>, shape: string): boolean {
  const written = patternShape(parsePattern(settings.on.pattern));
  const collection = written.replace(/\/[^/]*$/, '') || '/';
  return patternsOverlap(shape, written) || patternsOverlap(shape, collection);
}
