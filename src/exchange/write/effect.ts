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
import { withParams } from '../../rules/with-params.ts';
import { withoutCredentials } from '../credentials.ts';
import type { ClientRequest, Effect, Route } from '../ports.ts';
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
  const announcements: Announcement[] = [];
  const targets: Target[] = [];
  const unresolved: Effect['unresolved'][number][] = [];
  // A declared event is shown whole. Other writes have not declared theirs, so what they touched is announced apart.
  const apart = carriedOver !== undefined && rules[0]?.match.rule.config.event !== undefined;
  for (const applied of rules) {
    const resolution = resolve(applied.match, applied.sources);
    const isFirst = announcements.length === 0;
    const more = isFirst ? { implied, carriedOver: apart ? undefined : carriedOver } : nothingMore;
    announcements.push(announcement(request, { applied, targets: resolution.targets }, more));
    for (const target of resolution.targets) targets.push(target);
    for (const each of resolution.unresolved) unresolved.push({ ...each, rule: applied.match.rule.config.name });
  }
  if (announcements.length === 0) {
    announcements.push(announcement(request, undefined, { implied, carriedOver }));
  }
  const others = apart ? unnamed(carriedOver, announcements) : undefined;
  if (others !== undefined) announcements.push(announcement(request, undefined, { implied: [], carriedOver: others }));
  for (const target of implied) targets.push(target);
  const coverage = coverageOf(targets, paths);
  return {
    coverage: carriedOver === undefined ? coverage : mergeCoverage([coverage, carriedOver.coverage]),
    announcements,
    named: targets,
    targets: [...new Set(targets.map(describeTarget))],
    unresolved,
  };
}

/** What the announcements do not name yet; undefined if they name everything. */
function unnamed(
  { coverage, paths, tags }: CarriedOver,
  announcements: readonly Announcement[],
): CarriedOver | undefined {
  const named = new Set(announcements.flatMap((each) => each.paths));
  const namedTags = new Set(announcements.flatMap((each) => each.tags));
  const others = {
    coverage,
    paths: paths.filter((path) => !named.has(path)),
    tags: tags.filter((tag) => !namedTags.has(tag)),
  };
  return others.paths.length + others.tags.length > 0 ? others : undefined;
}

/** The coverage of the effect alone. */
export function coveredBy({ request, rules, sources, paths }: AppliedWrite): Coverage {
  const targets: Target[] = [];
  for (const { match, sources: own } of rules) {
    for (const target of resolve(match, own).targets) targets.push(target);
  }
  for (const target of impliedTargets(request, sources, paths)) targets.push(target);
  return coverageOf(targets, paths);
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
    const own = withParams(sources, match.params);
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
  const spelled = new Set<string>();
  addSpelled(spelled, request.target.resource, paths);
  for (const name of ['location', 'content-location']) {
    for (const reference of asSent(sources.responseHeader(name))) {
      const named = resourceOnSameHost(request, reference);
      if (named !== undefined) addSpelled(spelled, named, paths);
    }
  }
  const targets: Target[] = [];
  for (const path of spelled) targets.push({ kind: 'path', path });
  const group = sources.responseHeader('cache-group-invalidation');
  if (group !== undefined) {
    for (const tag of groupInvalidations(new Fields(['Cache-Group-Invalidation', group]))) {
      targets.push({ kind: 'tag', tag });
    }
  }
  return targets;
}

/**
 * Whether a read at the written path (`readFor`) gets what the write has replaced, for certain: a query may name
 * another resource, or another variant of it, as `Content-Language` does.
 */
export function readsWritten(request: ClientRequest, { policy }: Pick<Route, 'policy'>): boolean {
  return withoutCredentials(request.target.query, policy.cache) === '' && !request.headers.has('content-language');
}

/** Whether the answer names nothing that has changed but the written resource. */
export function namesItselfAlone(request: ClientRequest, sources: BodySources, paths: PathKnowledge): boolean {
  const own = new Set<string>();
  addSpelled(own, request.target.resource, paths);
  return impliedTargets(request, sources, paths).every((target) => target.kind === 'path' && own.has(target.path));
}

function addSpelled(spelled: Set<string>, path: string, paths: PathKnowledge): void {
  spelled.add(path);
  const plain = paths.plainSpelling(path);
  if (plain !== undefined) spelled.add(plain);
}

/** A reference as its octets may be meant: old APIs send UTF-8 as it is, which browsers take as such (URL Standard). */
function asSent(reference: string | undefined): string[] {
  if (reference === undefined) return [];
  const isAscii = !/[^\0-\x7f]/.test(reference);
  return isAscii ? [reference] : [reference, Buffer.from(reference, 'latin1').toString('utf8')];
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

/** What the first announcement of a write says besides the targets of its rule. */
interface More {
  readonly implied: readonly Target[];
  readonly carriedOver: CarriedOver | undefined;
}

const nothingMore: More = { implied: [], carriedOver: undefined };

/** @param resolved undefined if no rule applies */
function announcement(
  request: ClientRequest,
  resolved: { readonly applied: AppliedRule; readonly targets: readonly Target[] } | undefined,
  { implied, carriedOver }: More,
): Announcement {
  const paths = new Set<string>();
  const tags = new Set<string>();
  for (const target of resolved?.targets ?? []) addDescribed(target, paths, tags);
  for (const target of implied) addDescribed(target, paths, tags);
  for (const path of carriedOver?.paths ?? []) paths.add(path);
  for (const tag of carriedOver?.tags ?? []) tags.add(tag);
  const applied = resolved?.applied;
  const rule = applied?.match.rule;
  return {
    type: rule?.config.event?.type ?? 'invalidate',
    paths: [...paths],
    tags: [...tags],
    cause: { method: request.method, path: request.target.path, rule: rule?.config.name ?? null },
    payload: applied && rule && rule.payload.length > 0 ? payloadOf(rule.payload, applied.sources) : undefined,
  };
}

function addDescribed(target: Target, paths: Set<string>, tags: Set<string>): void {
  if (target.kind === 'tag') tags.add(target.tag);
  else if (target.kind === 'tagPattern') tags.add(target.parts.join('*'));
  else paths.add(describeTarget(target));
}
