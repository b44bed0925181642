import { type Binding, bind } from './bind.ts';
import { expand, expansions, MAX_EXPANSIONS, type Values } from './expand.ts';
import type {
  PathTemplate,
  Placeholder,
  RuleMatch,
  RuleResolution,
  Sources,
  Target,
  Template,
  Unresolved,
} from './types.ts';
import { withParams } from './with-params.ts';

/**
 * The targets of one rule for one write, without duplicates: each template for every combination of the values of its
 * placeholders. A placeholder that cannot be resolved falls back to a wildcard. Under `unresolved: ignore` only its
 * known values are used, and without any the target is left out. Under `reject` it falls back too, because the write
 * may already be done, and is listed in `rejected`.
 */
export function resolve(match: RuleMatch, sources: Sources): RuleResolution {
  const resolution = resolveWith(match, sources);
  if (match.asSent === undefined) return resolution;
  const further = resolveWith(match, withParams(sources, match.asSent));
  return {
    ...resolution,
    targets: distinct([...resolution.targets, ...further.targets]),
    beyondPatches: distinct([...resolution.beyondPatches, ...further.beyondPatches]),
  };
}

const distinct = (targets: readonly Target[]): Target[] => [
  ...new Map(targets.map((target) => [keyOf(target), target])).values(),
];

function resolveWith(match: RuleMatch, sources: Sources): RuleResolution {
  const { targets: templates, config, cascades, cascade, patch } = match.rule;
  const targets = new Map<string, Target>();
  const unresolved: Unresolved[] = [];
  const rejected: Unresolved[] = [];
  const beyondPatches = new Map<string, Target>();
  // The templates of patches are the last. Only rules that patch are asked which targets the others have.
  const beyond = patch.length > 0 ? templates.length - patch.length : 0;
  for (const [t, template] of templates.entries()) {
    const bindings = template.placeholders.map((placeholder) => bind(placeholder, sources, match.method));
    for (const [i, { unresolved: reason, overflow }] of bindings.entries()) {
      if (reason === undefined) continue;
      const placeholder = template.placeholders[i] as Placeholder;
      const ignored = config.unresolved === 'ignore' && !overflow;
      const named = { target: template.text, placeholder: placeholder.text, reason };
      unresolved.push(ignored ? { ...named, ignored } : named);
      if (config.unresolved === 'reject' && !needsAnswer(placeholder)) rejected.push(named);
    }
    let values = bindings.map((binding) => valuesOf(binding, config.unresolved));
    if (expansions(values) > MAX_EXPANSIONS) {
      values = values.map(() => '*');
      unresolved.push(overflowOf(template));
    }
    for (const target of expand(template, values)) {
      targets.set(keyOf(target), target);
      if (t < beyond) beyondPatches.set(keyOf(target), target);
      if (cascades[t] !== true) continue;
      for (const further of cascade.of(target, config.unresolved === 'ignore')) targets.set(keyOf(further), further);
    }
  }
  const all = [...targets.values()];
  return { targets: all, beyondPatches: patch.length > 0 ? [...beyondPatches.values()] : all, unresolved, rejected };
}

/**
 * The paths of a template without wildcards; undefined if they are not all known. For resources that are read or
 * patched, where a wildcard is no use.
 */
export function placesOf(template: PathTemplate, sources: Sources, method: string): string[] | undefined {
  const bindings = template.placeholders.map((placeholder) => bind(placeholder, sources, method));
  if (bindings.some(({ unresolved }) => unresolved !== undefined)) return undefined;
  const values = bindings.map((binding) => binding.values);
  if (expansions(values) > MAX_EXPANSIONS) return undefined;
  return [...new Set(expand(template, values).flatMap((target) => (target.kind === 'path' ? [target.path] : [])))];
}

function valuesOf({ values, unresolved, overflow }: Binding, policy: 'widen' | 'ignore' | 'reject'): Values {
  if (unresolved === undefined) return values;
  // `ignore` is for missing ids, never for too many: that would truncate the targets.
  return policy === 'ignore' && !overflow ? values : '*';
}

/**
 * Whether it depends on the response, or on a lookup after it: then it is unknown while the write can still be refused.
 */
function needsAnswer(placeholder: Placeholder): boolean {
  return placeholder.sources.some(({ root }) => root === 'response' || root === 'responseHeader' || root === 'lookup');
}

function overflowOf(template: Template): Unresolved {
  const placeholder = template.placeholders.map(({ text }) => text).join('} × {');
  return { target: template.text, placeholder, reason: `more than ${MAX_EXPANSIONS} combinations` };
}

function keyOf(target: Target): string {
  switch (target.kind) {
    case 'path':
      return target.path;
    case 'pattern':
      return `pattern ${target.pattern}`;
    case 'query':
      return `${target.path}?${target.query}`;
    case 'tag':
      return `tag ${target.tag}`;
    case 'tagPattern':
      return `tags ${JSON.stringify(target.parts)}`;
  }
}
