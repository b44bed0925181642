import { isCoveredBy, pathTag, queryTag } from '../coherence/tag.ts';
import type { RuleSet } from '../rules/compile.ts';
import { explainApplied, explainSkipped, mismatch, type RuleExplanation } from '../rules/explain.ts';
import { resolve } from '../rules/resolve.ts';
import { describeTarget } from '../rules/target.ts';
import type { PathTemplate, Sources, Target } from '../rules/types.ts';
import type { ClientRequest, Explanation, TargetAction, Verdict } from './ports.ts';
import type { Applied, AppliedRule } from './write/apply.ts';
import { effectOf, impliedTargets, otherCoverage } from './write/effect.ts';
import { type PatchingWrite, planPatches } from './write/patch.ts';

type BodySources = Omit<Sources, 'params'>;

export interface ExplainOptions {
  /** Also the rules whose pattern or method does not match. */
  readonly all: boolean;
  readonly verdict: Verdict;
  /** Undefined where somebody else wrote beside this write, or it was not answered, so that nothing is patched. */
  readonly patching: PatchingWrite | undefined;
}

/** The explanation, and its targets for whoever counts what they hit. */
export interface Explained {
  readonly explanation: Explanation;
  readonly targets: readonly Target[];
}

export function explain(
  request: ClientRequest,
  applied: Applied,
  sources: BodySources,
  rules: RuleSet,
  options: ExplainOptions,
): Explained {
  const { verdict } = options;
  const changes = verdict.outcome !== 'unchanged';
  const effect = changes ? effectOf(request, applied.rules, sources, undefined, rules.keyed) : undefined;
  const explanations = rules.rules.flatMap((rule): RuleExplanation[] => {
    const taking = applied.rules.find(({ match }) => match.rule === rule);
    if (taking !== undefined) return [explainApplied(taking.match, taking.sources)];
    const skipped = applied.skipped.find((each) => each.rule === rule.config.name);
    if (skipped !== undefined) return [explainSkipped(rule, skipped.why)];
    return options.all ? [explainSkipped(rule, mismatch(rule, request.method, request.target.resource))] : [];
  });
  const targets = effect?.targets ?? [];
  const explanation = {
    method: request.method,
    path: request.target.path,
    ...verdict,
    rules: explanations,
    implied: changes ? impliedTargets(request, sources).map(describeTarget) : [],
    targets,
    actions: targets.length === 0 ? [] : actionsOf(request, applied.rules, sources, rules, targets, options),
    tags: targets.filter((target) => target.startsWith('tag:')).map((target) => target.slice('tag:'.length)),
    events: effect?.announcements ?? [],
  };
  const named = new Map((effect?.named ?? []).map((target) => [describeTarget(target), target]));
  return { explanation, targets: [...named.values()] };
}

/** What of a write that no rule takes part in: nothing, and why. */
export function explainUntouched(
  request: ClientRequest,
  rules: RuleSet,
  { all, verdict }: Omit<ExplainOptions, 'patching'>,
): Explained {
  const { method, target } = request;
  const matched = new Set(rules.match(method, target.resource).map(({ rule }) => rule));
  const why = verdict.outcome === 'refused' ? 'the write is refused' : 'nothing has changed';
  const explanations = rules.rules.flatMap((rule): RuleExplanation[] => {
    if (matched.has(rule)) return [explainSkipped(rule, why)];
    return all ? [explainSkipped(rule, mismatch(rule, method, target.resource))] : [];
  });
  const nothing = { implied: [], targets: [], actions: [], tags: [], events: [] };
  return { explanation: { method, path: target.path, ...verdict, rules: explanations, ...nothing }, targets: [] };
}

/** What becomes of what is stored under each target, and why it is not what a rule asks for. */
function actionsOf(
  request: ClientRequest,
  rules: readonly AppliedRule[],
  sources: BodySources,
  { keyed }: RuleSet,
  targets: readonly string[],
  { verdict, patching }: ExplainOptions,
): TargetAction[] {
  const prevented =
    verdict.outcome === 'indeterminate'
      ? 'the outcome is unknown'
      : rules.some(({ match }) => (match.rule.config.quarantineMs ?? 0) > 0)
        ? 'nothing is stored while it is quarantined'
        : undefined;
  const wanted = new Map<string, TargetAction>();
  for (const rule of rules) {
    const { refresh, patch } = rule.match.rule;
    const planned =
      patching === undefined || patch.length === 0
        ? []
        : planPatches(rule, patching, otherCoverage(rule, rules, request, sources, keyed));
    for (const target of targetsOf(
      rule,
      patch.map(({ path }) => path),
    )) {
      const name = describeTarget(target);
      const plans = planned.filter(({ path }) => path === name);
      const others = plans.some(({ path, others }) =>
        isCoveredBy({ path, tags: [pathTag(path), queryTag(path, '')] }, others),
      );
      const unplanned = plans.map(({ change }) => ('uncertain' in change ? change.uncertain : undefined));
      const uncertain = others ? 'another target names it, too' : unplanned.find((each) => each !== undefined);
      const why = prevented ?? uncertain ?? (plans.length > 0 ? undefined : 'the change is not certain');
      wanted.set(
        name,
        why === undefined ? { target: name, action: 'patch' } : invalidated(name, `not patched: ${why}`),
      );
    }
    for (const target of targetsOf(rule, refresh)) {
      const name = describeTarget(target);
      const why = prevented ?? (target.kind === 'path' ? undefined : 'which it is, is not known');
      wanted.set(
        name,
        why === undefined ? { target: name, action: 'refresh' } : invalidated(name, `not refreshed: ${why}`),
      );
    }
  }
  return targets.map((target) => wanted.get(target) ?? { target, action: 'invalidate' });
}

const invalidated = (target: string, why: string): TargetAction => ({ target, action: 'invalidate', why });

/** What some of a rule's templates come to. */
function targetsOf({ match, sources }: AppliedRule, templates: readonly PathTemplate[]): readonly Target[] {
  if (templates.length === 0) return [];
  return resolve({ ...match, rule: { ...match.rule, targets: templates, patch: [], cascades: [] } }, sources).targets;
}
