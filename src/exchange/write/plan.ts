import type { Representation, WriteSet } from '../../coherence/write-set.ts';
import { resourceOf } from '../../route/path.ts';
import type { RuleSet } from '../../rules/compile.ts';
import { opaqueFamilies } from '../../rules/tag-knowledge.ts';
import type { BodySources, RuleMatch } from '../../rules/types.ts';
import { overriddenMethod } from '../forward.ts';
import type { ClientRequest, Effect, RouteTable } from '../ports.ts';
import type { Address } from './before.ts';
import { effectOf } from './effect.ts';

/**
 * The rules of the method, and those of the method that an override names: which of the two the origin goes by, only it knows.
 */
export function matchesOf(rules: RuleSet, request: ClientRequest): readonly RuleMatch[] {
  const { resource } = request.target;
  const matches = rules.match(request.method, resource);
  const other = overriddenMethod(request);
  if (other === undefined || other === request.method) return matches;
  const known = new Set(matches.map(({ rule }) => rule));
  return [...matches, ...rules.match(other, resource).filter(({ rule }) => !known.has(rule))];
}

/**
 * Which bodies the rules of a write select from. `tags`: whether they name what depends on it by tags: what these cover depends
 * on what was stored of other writes.
 */
export function needsOf(matches: readonly RuleMatch[]) {
  return {
    tags: matches.some(({ rule }) => rule.targets.some(({ kind }) => kind === 'tag') || rule.cascades.includes(true)),
    before: matches.some(({ rule }) => rule.needs.before),
    request: matches.some(({ rule }) => rule.needs.request),
    response: matches.some(({ rule }) => rule.needs.response),
  };
}

/** What a write may change, and what is announced of that, as far as the request tells. */
export interface Reach extends Effect, WriteSet {}

/** @param sources of the request alone: what the answer and `before` would tell falls back to a wildcard */
export function reachOf(
  rules: RuleSet,
  request: ClientRequest,
  matches: readonly RuleMatch[],
  sources: BodySources,
): Reach {
  const applied = matches.map((match) => ({ match, sources: { ...sources, params: match.params } }));
  return {
    ...effectOf({ request, rules: applied, sources, keyed: rules.keyed }),
    // What is posted to a collection is a new member of it, unless a rule says otherwise.
    below: request.method === 'POST' ? [] : [request.target.resource],
    opaque: matches.flatMap(({ rule }) => opaqueFamilies(rule, rules.knowledge.families)),
  };
}

/** What a write reads by naming tags: the responses that carry them, wherever they are. */
export function taggedReads({ coverage }: WriteSet): Representation[] {
  const tags = [...coverage.tags].flatMap((tag) => (tag.startsWith('t:') ? [tag.slice(2)] : []));
  return tags.length === 0 ? [] : [{ path: '', tags, open: [] }];
}

/** What a write reads, and tells something of by its answer: the written resource, and where its representation lives. */
export function readsOf(
  rules: RuleSet,
  routes: RouteTable,
  request: ClientRequest,
  address: Address | undefined,
): Representation[] {
  const paths = new Set([request.target.resource]);
  if (address !== undefined) paths.add(address.get.target.resource);
  return [...paths].map((path) => representationAt(rules, routes, path));
}

/** The representation at a path, canonical or as a lookup made it, with what is known of its tags. */
export function representationAt(rules: RuleSet, routes: RouteTable, at: string): Representation {
  const path = resourceOf(at);
  const { route, params } = routes.find(path);
  const tags = route.tags?.ahead(params, rules.knowledge.families);
  return { path, tags: tags?.tags ?? [], open: tags?.open ?? [] };
}
