import type { Inheritance } from '../coherence/in-flight.ts';
import { type Announcement, mergeHits } from '../coherence/record.ts';
import { Fields } from '../http/fields.ts';
import { groupInvalidations } from '../http/tags.ts';
import { parseTarget, TargetError } from '../route/path.ts';
import { resolve } from '../rules/resolve.ts';
import { describeTarget, hitsOf } from '../rules/target.ts';
import type { RuleMatch, Sources, Target } from '../rules/types.ts';
import type { ClientRequest, Effect } from './ports.ts';

type BodySources = Omit<Sources, 'params'>;

/**
 * The targets of every rule that matched, of RFC 9111 §4.4 (the written resource, and `Location` and `Content-Location` on
 * the same host), of the origin's `Cache-Group-Invalidation`, and of writes to the same resource that finished meanwhile.
 */
export function effectOf(
  request: ClientRequest,
  matches: readonly RuleMatch[],
  sources: BodySources,
  inherited: Inheritance | undefined,
): Effect {
  const implied = impliedTargets(request, sources);
  const resolutions = matches.map((match) => ({ match, ...resolve(match, { ...sources, params: match.params }) }));
  const announcements = resolutions.map(({ match, targets }, i) =>
    announcement(request, match, i === 0 ? [...targets, ...implied] : targets, i === 0 ? inherited : undefined),
  );
  if (announcements.length === 0) announcements.push(announcement(request, undefined, implied, inherited));
  const targets = [...resolutions.flatMap((resolution) => resolution.targets), ...implied];
  return {
    hits: mergeHits(inherited === undefined ? [hitsOf(targets)] : [hitsOf(targets), inherited.hits]),
    announcements,
    targets: [...new Set(targets.map(describeTarget))],
    unresolved: resolutions.flatMap(({ match, unresolved }) =>
      unresolved.map((each) => ({ ...each, rule: match.rule.config.name })),
    ),
  };
}

/** Why the write must be refused before it is forwarded: a rule says `unresolved: reject`, and what it needs is not there. */
export function unresolvable(matches: readonly RuleMatch[], sources: BodySources): string | undefined {
  for (const match of matches) {
    if (match.rule.config.unresolved !== 'reject') continue;
    const { rejected } = resolve(match, { ...sources, params: match.params });
    const first = rejected?.[0];
    if (first !== undefined) {
      return `rule "${match.rule.config.name}" needs {${first.placeholder}} for ${first.target}: ${first.reason}`;
    }
  }
  return undefined;
}

function impliedTargets(request: ClientRequest, sources: BodySources): Target[] {
  const targets: Target[] = [{ kind: 'path', path: request.target.resource }];
  for (const name of ['location', 'content-location']) {
    const path = samePlace(request, sources.responseHeader(name));
    if (path !== undefined && path !== request.target.resource) targets.push({ kind: 'path', path });
  }
  const group = sources.responseHeader('cache-group-invalidation');
  if (group !== undefined) {
    for (const tag of groupInvalidations(new Fields(['Cache-Group-Invalidation', group]))) {
      targets.push({ kind: 'tag', tag });
    }
  }
  return targets;
}

/** The resource that a reference leads to, if it is on the host that was written to: no origin may invalidate another's. */
function samePlace(request: ClientRequest, reference: string | undefined): string | undefined {
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
  match: RuleMatch | undefined,
  targets: readonly Target[],
  inherited: Inheritance | undefined,
): Announcement {
  const isTag = (target: Target): boolean => target.kind === 'tag' || target.kind === 'tagPattern';
  const paths = targets.filter((target) => !isTag(target)).map(describeTarget);
  const tags = targets.filter(isTag).map(describeTag);
  return {
    type: match?.rule.config.event?.type ?? 'invalidate',
    paths: [...new Set([...paths, ...(inherited?.paths ?? [])])],
    tags: [...new Set([...tags, ...(inherited?.tags ?? [])])],
    cause: { method: request.method, path: request.target.path, rule: match?.rule.config.name ?? null },
  };
}

function describeTag(target: Target): string {
  return target.kind === 'tag' ? target.tag : target.kind === 'tagPattern' ? target.parts.join('*') : '';
}
