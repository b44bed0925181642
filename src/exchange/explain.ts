import type { RuleSet } from '../rules/compile.ts';
import { explainApplied, explainSkipped, mismatch, type RuleExplanation } from '../rules/explain.ts';
import { describeTarget } from '../rules/target.ts';
import type { Sources, Target } from '../rules/types.ts';
import type { Applied } from './apply.ts';
import { effectOf, impliedTargets } from './effect.ts';
import type { ClientRequest, Explanation } from './ports.ts';

/**
 * The explanation, and its targets for whoever counts what they hit.
 * @param all also the rules whose pattern or method does not match
 */
export function explain(
  request: ClientRequest,
  applied: Applied,
  sources: Omit<Sources, 'params'>,
  rules: RuleSet,
  { all }: { all: boolean },
): { readonly explanation: Explanation; readonly targets: readonly Target[] } {
  const effect = applied.unchanged ? undefined : effectOf(request, applied.rules, sources, undefined, rules.keyed);
  const implied = applied.unchanged ? [] : impliedTargets(request, sources).map(describeTarget);
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
    rules: explanations,
    implied,
    targets,
    tags: targets.filter((target) => target.startsWith('tag:')).map((target) => target.slice('tag:'.length)),
    events: effect?.announcements ?? [],
  };
  const named = new Map((effect?.named ?? []).map((target) => [describeTarget(target), target]));
  return { explanation, targets: [...named.values()] };
}
