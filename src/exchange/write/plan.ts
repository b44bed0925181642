import { type Coverage, isPathTag, pathOfTag } from '../../coherence/tag.ts';
import type { Representation, WriteSet } from '../../coherence/write-set.ts';
import { resourceOf } from '../../route/path.ts';
import type { RuleSet } from '../../rules/compile.ts';
import { opaqueFamilies } from '../../rules/tag-knowledge.ts';
import type { BodySources, RuleMatch } from '../../rules/types.ts';
import { withParams } from '../../rules/with-params.ts';
import { namedMethods } from '../forward.ts';
import type { ClientRequest, Effect, RouteTable } from '../ports.ts';
import type { BeforeAddress } from './before.ts';
import { type AppliedWrite, coveredBy, effectOf } from './effect.ts';

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
export class Reach implements Effect, WriteSet {
  readonly coverage: Coverage;
  /** A POST creates a new member of a collection and leaves existing ones alone, unless a rule says otherwise. */
  readonly below: readonly string[];
  readonly opaque: readonly string[];
  readonly #write: AppliedWrite;
  #effect: Effect | undefined;

  /** @param sources of the request alone; placeholders that need the answer or `before` fall back to a wildcard */
  constructor(rules: RuleSet, request: ClientRequest, matches: readonly RuleMatch[], sources: BodySources) {
    const applied = matches.map((match) => ({ match, sources: withParams(sources, match.params) }));
    this.#write = { request, rules: applied, sources, paths: rules.paths };
    this.coverage = coveredBy(this.#write);
    this.below = request.method === 'POST' ? [] : inItsSpellings(rules, request.target.resource);
    this.opaque = opaqueOf(rules, matches);
  }

  /** A node that is alone needs the rest only of a write whose outcome is not known. */
  get #whole(): Effect {
    this.#effect ??= effectOf(this.#write);
    return this.#effect;
  }

  get announcements(): Effect['announcements'] {
    return this.#whole.announcements;
  }

  get named(): Effect['named'] {
    return this.#whole.named;
  }

  get targets(): Effect['targets'] {
    return this.#whole.targets;
  }

  get unresolved(): Effect['unresolved'] {
    return this.#whole.unresolved;
  }
}

function opaqueOf({ knowledge }: RuleSet, matches: readonly RuleMatch[]): string[] {
  const families: string[] = [];
  for (const { rule } of matches) families.push(...opaqueFamilies(rule, knowledge.families));
  return families;
}

/** The tags that the representations at the paths which a write names are known to carry (`WriteSet.carried`). */
export function carriedTags(rules: RuleSet, routes: RouteTable, { coverage }: WriteSet): string[] {
  const tags: string[] = [];
  for (const tag of coverage.tags) {
    if (!isPathTag(tag)) continue;
    for (const carried of representationAt(rules, routes, pathOfTag(tag)).tags) tags.push(carried);
  }
  return tags;
}

/** The tags that a write names, as part of its read set: the responses with these tags, at any path. */
export function taggedReads({ coverage }: WriteSet): Representation[] {
  const tags: string[] = [];
  for (const tag of coverage.tags) if (tag.startsWith('t:')) tags.push(tag.slice(2));
  return tags.length === 0 ? [] : [{ path: '', tags, open: [] }];
}

/** The read set of a write: the written resource and its representation, which may be at another path. */
export function readsOf(
  rules: RuleSet,
  routes: RouteTable,
  request: ClientRequest,
  address: BeforeAddress | undefined,
): Representation[] {
  const spelled = inItsSpellings(rules, request.target.resource);
  if (address !== undefined) {
    for (const path of inItsSpellings(rules, address.get.target.resource)) addNew(spelled, path);
  }
  return spelled.map((path) => representationAt(rules, routes, path));
}

/** A resource as it is asked for, as routes and rules spell it, and in the form by which all spellings are found. */
function inItsSpellings({ paths }: RuleSet, path: string): string[] {
  const spelled = [path];
  addNew(spelled, paths.plainSpelling(path));
  addNew(spelled, paths.folded.path(path));
  return spelled;
}

function addNew(paths: string[], path: string | undefined): void {
  if (path !== undefined && !paths.includes(path)) paths.push(path);
}

/** The representation at a path with its known tags. The path may come from a lookup and need not be canonical. */
export function representationAt(rules: RuleSet, routes: RouteTable, at: string): Representation {
  const path = resourceOf(at);
  const { route, params } = routes.find(path);
  const tags = route.tags?.ahead(params, rules.knowledge.families);
  const plain = route.plainParams?.(path, params);
  const known = [...(tags?.tags ?? [])];
  if (plain !== undefined) known.push(...(route.tags?.ahead(plain, rules.knowledge.families).tags ?? []));
  const { folded } = rules.paths;
  return { path, tags: [...new Set([...known, ...known.map((tag) => folded.tag(tag))])], open: tags?.open ?? [] };
}
