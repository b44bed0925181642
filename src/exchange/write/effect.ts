import type { CarriedOver } from '../../coherence/in-flight.ts';
import { type Announcement, mergeCoverage } from '../../coherence/record.ts';
import type { Coverage } from '../../coherence/tag.ts';
import { Fields } from '../../http/fields.ts';
import { groupInvalidations } from '../../http/tags.ts';
import { parseTarget, TargetError } from '../../route/path.ts';
import { failing } from '../../rules/condition.ts';
import { payloadOf } from '../../rules/payload.ts';
import { resolve } from '../../rules/resolve.ts';
import { coverageOf, describeTarget, type PathKnowledge } from '../../rules/target.ts';
import type { BodySources, RuleMatch, Target } from '../../rules/types.ts';
import type { ClientRequest, Effect } from '../ports.ts';
import type { AppliedRule } from './apply.ts';

/** A write and the rules that apply to it. */
export interface AppliedWrite {
  readonly request: ClientRequest;
  readonly rules: readonly AppliedRule[];
  readonly sources: BodySources;
  readonly paths: PathKnowledge;
}

/**
 * What a write invalidates: the targets of every rule that applies, those of RFC 9111 §4.4 (the written resource, and
 * `Location` and `Content-Location` on the same host), those of the origin's `Cache-Group-Invalidation`, and those
 * carried over from conflicting writes.
 */
export function effectOf({ request, rules, sources, paths }: AppliedWrite, carriedOver?: CarriedOver): Effect {
  const implied = impliedTargets(request, sources, paths);
  const resolutions = rules.map((applied) => ({ ...applied, ...resolve(applied.match, applied.sources) }));
  const announcements = resolutions.map((resolution, i) =>
    announcement(request, resolution, i === 0 ? implied : [], i === 0 ? carriedOver : undefined),
  );
  if (announcements.length === 0) announcements.push(announcement(request, undefined, implied, carriedOver));
  const targets = [...resolutions.flatMap((resolution) => resolution.targets), ...implied];
  return {
    coverage: mergeCoverage([coverageOf(targets, paths), ...(carriedOver === undefined ? [] : [carriedOver.coverage])]),
    announcements,
    named: targets,
    targets: [...new Set(targets.map(describeTarget))],
    unresolved: resolutions.flatMap(({ match, unresolved }) =>
      unresolved.map((each) => ({ ...each, rule: match.rule.config.name })),
    ),
  };
}

/**
 * The coverage of a write's record, without one rule's own tags and the parents that this rule patches. A parent that
 * the rest covers has other changes as well, so the patch alone would leave it stale.
 */
export function otherCoverage(rule: AppliedRule, { request, rules, sources, paths }: AppliedWrite): Coverage {
  // A patch may replace the written resource itself: the answer is its new representation.
  const itself = rule.match.rule.patch.some(({ at }) => at.length === 0) ? request.target.resource : undefined;
  const implied = impliedTargets(request, sources, paths).filter(
    (target) => target.kind !== 'path' || target.path !== itself,
  );
  const own = resolve(rule.match, rule.sources).beyondPatches.filter(
    ({ kind }) => kind !== 'tag' && kind !== 'tagPattern',
  );
  const others = rules.filter((other) => other !== rule);
  const theirs = others.flatMap((other) => resolve(other.match, other.sources).targets);
  return coverageOf([...own, ...theirs, ...implied], paths);
}

/** Why the write must be refused before it is forwarded: a rule with `unresolved: reject` cannot be resolved. */
export function unresolvable(matches: readonly RuleMatch[], sources: BodySources): string | undefined {
  for (const match of matches) {
    if (match.rule.config.unresolved !== 'reject') continue;
    const own = { ...sources, params: match.params };
    // Conditions may depend on the answer. The rule is skipped only if its condition fails whatever the answer is.
    const { method } = match;
    const ahead = { method, sources: own, status: undefined, indeterminate: true, alone: false, unknownHolds: true };
    if (match.rule.condition !== undefined && failing(match.rule.condition, ahead) !== undefined) continue;
    const { rejected } = resolve(match, own);
    const first = rejected?.[0];
    if (first !== undefined) {
      return `rule "${match.rule.config.name}" needs {${first.placeholder}} for ${first.target}: ${first.reason}`;
    }
  }
  return undefined;
}

export function impliedTargets(request: ClientRequest, sources: BodySources, paths: PathKnowledge): Target[] {
  const named = [request.target.resource];
  for (const name of ['location', 'content-location']) {
    named.push(resourceOnSameHost(request, sources.responseHeader(name)) ?? request.target.resource);
  }
  const spelled = new Set(named.flatMap((path) => [path, paths.plainSpelling(path) ?? path]));
  const targets: Target[] = [...spelled].map((path) => ({ kind: 'path', path }));
  const group = sources.responseHeader('cache-group-invalidation');
  if (group !== undefined) {
    for (const tag of groupInvalidations(new Fields(['Cache-Group-Invalidation', group]))) {
      targets.push({ kind: 'tag', tag });
    }
  }
  return targets;
}

/**
 * The resource that a reference names, if it is on the written host. One host must not invalidate another's resources.
 */
function resourceOnSameHost(request: ClientRequest, reference: string | undefined): string | undefined {
  if (reference === undefined) return undefined;
  const base = `${request.scheme}://${request.host}`;
  if (!URL.canParse(reference, `${base}${request.target.path}`)) return undefined;
  const url = new URL(reference, `${base}${request.target.path}`);
  if (url.host !== new URL(base).host) return undefined;
  try {
    return parseTarget(url.pathname).resource;
  } catch (error) {
    if (error instanceof TargetError) return undefined;
    throw error;
  }
}

function announcement(
  request: ClientRequest,
  applied: (AppliedRule & { readonly targets: readonly Target[] }) | undefined,
  implied: readonly Target[],
  carriedOver: CarriedOver | undefined,
): Announcement {
  const rule = applied?.match.rule;
  const targets = [...(applied?.targets ?? []), ...implied];
  const isTag = (target: Target): boolean => target.kind === 'tag' || target.kind === 'tagPattern';
  const paths = targets.filter((target) => !isTag(target)).map(describeTarget);
  const tags = targets.filter(isTag).map(describeTag);
  return {
    type: rule?.config.event?.type ?? 'invalidate',
    paths: [...new Set([...paths, ...(carriedOver?.paths ?? [])])],
    tags: [...new Set([...tags, ...(carriedOver?.tags ?? [])])],
    cause: { method: request.method, path: request.target.path, rule: rule?.config.name ?? null },
    ...(applied === undefined || applied.match.rule.payload.length === 0
      ? {}
      : { payload: payloadOf(applied.match.rule.payload, applied.sources) }),
  };
}

function describeTag(target: Target): string {
  return target.kind === 'tag' ? target.tag : target.kind === 'tagPattern' ? target.parts.join('*') : '';
}
