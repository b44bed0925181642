import { isPathTag, pathOfTag } from '../../coherence/tag.ts';
import type { Representation, WriteSet } from '../../coherence/write-set.ts';
import { resourceOf } from '../../route/path.ts';
import type { RuleSet } from '../../rules/compile.ts';
import { opaqueFamilies } from '../../rules/tag-knowledge.ts';
import type { BodySources, RuleMatch } from '../../rules/types.ts';
import { namedMethods } from '../forward.ts';
import type { ClientRequest, Effect, RouteTable } from '../ports.ts';
import type { BeforeAddress } from './before.ts';
import { coveredBy, effectOf } from './effect.ts';

/** The rules of the request's method and of those that it names besides. The origin may use any of them. */
export function matchesOf(rules: RuleSet, request: ClientRequest): readonly RuleMatch[] {
  const { resource } = request.target;
  const matches = rules.match(request.method, resource);
  const others = new Set(namedMethods(request));
  if (others.size === 0) return matches;
  const byRule = new Map(matches.map((match) => [match.rule, match]));
  for (const other of others) {
    for (const match of rules.match(other, resource)) if (!byRule.has(match.rule)) byRule.set(match.rule, match);
  }
  return [...byRule.values()];
}

/**
 * Which bodies the rules of a write select from. `tags`: whether they name tags. What these cover depends on what was
 * stored after other writes.
 */
export function needsOf(matches: readonly RuleMatch[]) {
  return {
    tags: matches.some(({ rule }) => rule.targets.some(({ kind }) => kind === 'tag') || rule.cascades.includes(true)),
    before: matches.some(({ rule }) => rule.needs.before),
    request: matches.some(({ rule }) => rule.needs.request),
    response: matches.some(({ rule }) => rule.needs.response),
  };
}

/** What a write may change and how that is announced, as far as the request shows. */
export interface Reach extends Effect, WriteSet {}

/** @param sources of the request alone; placeholders that need the answer or `before` fall back to a wildcard */
export function reachOf(
  rules: RuleSet,
  request: ClientRequest,
  matches: readonly RuleMatch[],
  sources: BodySources,
): Reach {
  const applied = matches.map((match) => ({ match, sources: { ...sources, params: match.params } }));
  const write = { request, rules: applied, sources, paths: rules.paths };
  let made: Effect | undefined;
  const effect = (): Effect => {
    made ??= effectOf(write);
    return made;
  };
  return {
    coverage: coveredBy(write),
    // A node that is alone needs the rest only of a write whose outcome is not known.
    get announcements() {
      return effect().announcements;
    },
    get named() {
      return effect().named;
    },
    get targets() {
      return effect().targets;
    },
    get unresolved() {
      return effect().unresolved;
    },
    // A POST creates a new member of a collection and leaves existing ones alone, unless a rule says otherwise.
    below: request.method === 'POST' ? [] : inItsSpellings(rules, request.target.resource),
    opaque: matches.flatMap(({ rule }) => opaqueFamilies(rule, rules.knowledge.families)),
  };
}

/** The tags that the representations at the paths which a write names are known to carry (`WriteSet.carried`). */
export function carriedTags(rules: RuleSet, routes: RouteTable, { coverage }: WriteSet): string[] {
  const paths = [...coverage.tags].filter(isPathTag).map(pathOfTag);
  return paths.flatMap((path) => representationAt(rules, routes, path).tags);
}

/** The tags that a write names, as part of its read set: the responses with these tags, at any path. */
export function taggedReads({ coverage }: WriteSet): Representation[] {
  const tags = [...coverage.tags].flatMap((tag) => (tag.startsWith('t:') ? [tag.slice(2)] : []));
  return tags.length === 0 ? [] : [{ path: '', tags, open: [] }];
}

/** The read set of a write: the written resource and its representation, which may be at another path. */
export function readsOf(
  rules: RuleSet,
  routes: RouteTable,
  request: ClientRequest,
  address: BeforeAddress | undefined,
): Representation[] {
  const paths = [request.target.resource, ...(address === undefined ? [] : [address.get.target.resource])];
  const spelled = new Set(paths.flatMap((path) => inItsSpellings(rules, path)));
  return [...spelled].map((path) => representationAt(rules, routes, path));
}

/** A resource as it is asked for, as routes and rules spell it, and in the form by which all spellings are found. */
function inItsSpellings({ paths }: RuleSet, path: string): string[] {
  return [...new Set([path, paths.plainSpelling(path) ?? path, paths.foldedPath(path) ?? path])];
}

/** The representation at a path with its known tags. The path may come from a lookup and need not be canonical. */
export function representationAt(rules: RuleSet, routes: RouteTable, at: string): Representation {
  const path = resourceOf(at);
  const { route, params } = routes.find(path);
  const tags = route.tags?.ahead(params, rules.knowledge.families);
  return { path, tags: tags?.tags ?? [], open: tags?.open ?? [] };
}
