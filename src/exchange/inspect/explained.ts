import { isCoveredBy, pathTag, queryTag } from '../../coherence/tag.ts';
import type { RuleSet } from '../../rules/compile.ts';
import { explainApplied, explainSkipped, mismatch, type RuleExplanation } from '../../rules/explanation.ts';
import { resolve } from '../../rules/resolve.ts';
import { describeTarget, type PathKnowledge } from '../../rules/target.ts';
import type { PathTemplate, Target } from '../../rules/types.ts';
import type { ClientRequest, Explanation, TargetAction, Verdict } from '../ports.ts';
import type { AppliedRule } from '../write/apply.ts';
import { type AppliedWrite, effectOf, impliedTargets, otherCoverage } from '../write/effect.ts';
import { planPatches, whyWithheld } from '../write/patch.ts';
import type { ResolvedWrite } from '../write/resolved-write.ts';
import { verdictOf } from './verdict.ts';

/** An explanation, and its targets for callers that count the responses they match. */
export interface Explained {
  readonly explanation: Explanation;
  readonly targets: readonly Target[];
}

/** Explains a write whose rules have been applied. `all` also lists rules whose pattern or method does not match. */
export function explain(write: ResolvedWrite, rules: RuleSet, { all }: { all: boolean }): Explained {
  const { request, applied, sources } = write;
  const verdict = verdictOf(write);
  const ruled = { request, rules: applied.rules, sources, paths: rules.paths };
  const changes = verdict.outcome !== 'unchanged';
  const effect = changes ? effectOf(ruled) : undefined;
  const explanations = rules.rules.flatMap((rule): RuleExplanation[] => {
    const taking = applied.rules.find(({ match }) => match.rule === rule);
    if (taking !== undefined) return [explainApplied(taking.match, taking.sources)];
    const skipped = applied.skipped.find((each) => each.rule === rule.config.name);
    if (skipped !== undefined) return [explainSkipped(rule, skipped.why)];
    return all ? [explainSkipped(rule, mismatch(rule, request.method, request.target.resource))] : [];
  });
  const targets = effect?.targets ?? [];
  const explanation = {
    method: request.method,
    path: request.target.path,
    ...verdict,
    rules: explanations,
    implied: changes ? impliedTargets(request, sources, rules.paths).map(describeTarget) : [],
    targets,
    actions: actionsOf(write, ruled, targets),
    tags: targets.filter((target) => target.startsWith('tag:')).map((target) => target.slice('tag:'.length)),
    events: effect?.announcements ?? [],
  };
  const named = new Map((effect?.named ?? []).map((target) => [describeTarget(target), target]));
  return { explanation, targets: [...named.values()] };
}

/** Explains a write that no rule applies to. */
export function explainUntouched(
  request: ClientRequest,
  rules: RuleSet,
  { all, verdict }: { all: boolean; verdict: Verdict },
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

/** What happens to the responses that each target covers, with a reason if a rule asks for something else. */
function actionsOf(write: ResolvedWrite, ruled: AppliedWrite, targets: readonly string[]): TargetAction[] {
  const prevented = preventedBy(write);
  const wanted = new Map<string, TargetAction>();
  for (const rule of ruled.rules) {
    const { refresh, patch } = rule.match.rule;
    const planned = patch.length === 0 ? [] : plannedOf(write, ruled, rule);
    for (const target of targetsOf(
      rule,
      patch.map(({ path }) => path),
    )) {
      const name = describeTarget(target);
      const why =
        prevented ??
        notPatched(
          planned.filter(({ path }) => path === name),
          ruled.paths,
        );
      wanted.set(
        name,
        why === undefined ? { target: name, action: 'patch' } : invalidated(name, `not patched: ${why}`),
      );
    }
    for (const target of targetsOf(rule, refresh)) {
      const name = describeTarget(target);
      const why = prevented ?? (target.kind === 'path' ? undefined : 'it does not resolve to one path');
      wanted.set(
        name,
        why === undefined ? { target: name, action: 'refresh' } : invalidated(name, `not refreshed: ${why}`),
      );
    }
  }
  return targets.map((target) => wanted.get(target) ?? { target, action: 'invalidate' });
}

/** Why nothing is patched or refreshed after this write; undefined if nothing prevents it. */
function preventedBy({ indeterminate, applied }: ResolvedWrite): string | undefined {
  if (indeterminate) return 'the outcome is unknown';
  const quarantines = applied.rules.some(({ match }) => (match.rule.config.quarantineMs ?? 0) > 0);
  return quarantines ? 'nothing is stored during the quarantine' : undefined;
}

type Planned = ReturnType<typeof planPatches>;

function plannedOf({ patching }: ResolvedWrite, ruled: AppliedWrite, rule: AppliedRule): Planned {
  return patching === undefined ? [] : planPatches(rule, patching, otherCoverage(rule, ruled));
}

/** Why a parent is not patched; undefined if it is. `plans` are the patches that one rule has for it. */
function notPatched(plans: Planned, { folded }: PathKnowledge): string | undefined {
  // What is stored carries the tags of its path as it is spelled, and of the one form of all spellings.
  const tagsOf = (path: string) =>
    [path, folded.path(path) ?? path].flatMap((each) => [pathTag(each), queryTag(each, '')]);
  if (plans.some(({ path, others }) => isCoveredBy({ path, tags: tagsOf(path) }, others))) {
    return 'another target also covers it';
  }
  const uncertain = plans.map((planned) => {
    const { path, change, write } = planned;
    return 'uncertain' in change ? change.uncertain : whyWithheld(planned, write.policyOf(path));
  });
  return uncertain.find((each) => each !== undefined) ?? (plans.length > 0 ? undefined : 'the change is not certain');
}

const invalidated = (target: string, why: string): TargetAction => ({ target, action: 'invalidate', why });

/** The targets that the given templates of a rule resolve to. */
function targetsOf({ match, sources }: AppliedRule, templates: readonly PathTemplate[]): readonly Target[] {
  if (templates.length === 0) return [];
  return resolve({ ...match, rule: { ...match.rule, targets: templates, patch: [], cascades: [] } }, sources).targets;
}
