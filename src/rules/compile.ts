import type { TagFamilies } from '../coherence/tag-families.ts';
import type { TagKnowledge } from '../coherence/write-set.ts';
import type { PatchConfig, RuleConfig } from '../config/model.ts';
import { safeMethods } from '../http/methods.ts';
import { dropFromQuery, selectQuery, sortedQuery } from '../route/path.ts';
import { bindStored } from './bind.ts';
import { compileCascade } from './cascade.ts';
import { compileCondition, conditionSources } from './condition.ts';
import { expand, expansions, MAX_EXPANSIONS } from './expand.ts';
import { belowRoot, compileJsonPath } from './jsonpath.ts';
import { parseSource } from './source.ts';
import { SpelledPatterns } from './spelled-patterns.ts';
import { asTheyStand, type Spellings } from './spellings.ts';
import { beginningOf, tagKnowledge } from './tag-knowledge.ts';
import type { PathKnowledge } from './target.ts';
import { parseTemplate, TemplateError } from './template.ts';
import type {
  Cascade,
  CompiledPatch,
  CompiledRule,
  JsonSource,
  Root,
  RuleMatch,
  Source,
  Sources,
  TagTemplate,
  Template,
  Unresolved,
} from './types.ts';

/** The rules of a configuration, ready to be matched. */
export interface RuleSet {
  /** Every rule that matches a write, in the order of the configuration. `resource` is canonical (route/path.ts). */
  match(method: string, resource: string): RuleMatch[];
  /** In the order of the configuration. */
  readonly rules: readonly CompiledRule[];
  /** Uses the routes of the configuration. */
  readonly paths: PathKnowledge;
  /** Which tags may be the same, and which name what is written. */
  readonly knowledge: TagKnowledge;
}

/** What rules need to know of a route: what its responses embed, and which parameters its cache key has. */
export interface RouteEdge {
  readonly match: string;
  readonly tags: readonly string[];
  readonly cache?: {
    readonly key: { readonly query: readonly string[] | undefined };
    readonly credentialParams?: readonly string[];
  };
}

/**
 * @param routes in matching order
 * @throws PatternError, TemplateError, SelectorError
 */
export function compileRules(
  rules: readonly RuleConfig[],
  routes: readonly RouteEdge[] = [],
  spellings: Spellings = asTheyStand,
): RuleSet {
  // The cost of matching depends on the segments of the path and the rules that match, not on the number of rules.
  const patterns = new SpelledPatterns<{ rule: CompiledRule; methods: ReadonlySet<string> }>(spellings);
  const cascade = compileCascade(routes, spellings);
  const compiled = rules.map((config) => compileRule(config, cascade));
  for (const rule of compiled) patterns.add(rule.config.pattern, { rule, methods: new Set(rule.config.methods) });
  const keys = new SpelledPatterns<RouteEdge>(spellings);
  for (const route of routes) keys.add(route.match, route);
  return {
    rules: compiled,
    knowledge: tagKnowledge(
      compiled,
      routes.flatMap(({ tags }) => tags.map(parseRouteTag)),
      spellings.folded.tag,
    ),
    paths: {
      plainSpelling: spellings.plain,
      folded: spellings.folded,
      keyedQueries: (path, query) =>
        keys.firstCandidates(path).flatMap(({ data: { cache } }) => (cache && keyedQuery(cache, query)) ?? []),
    },
    match(method, resource) {
      const matched: RuleMatch[] = [];
      for (const { data, params, asSent } of patterns.matches(resource)) {
        const applies = data.methods.has(method) || (data.methods.has('*') && !safeMethods.has(method));
        if (applies) matched.push({ rule: data.rule, params, asSent, method });
      }
      return matched;
    },
  };
}

/** The part of a query that is in the cache key; undefined if the whole query is. */
function keyedQuery(cache: NonNullable<RouteEdge['cache']>, query: string): string | undefined {
  const { key, credentialParams: secrets = [] } = cache;
  if (key.query === undefined && secrets.length === 0) return undefined;
  const keyed = key.query === undefined ? query : selectQuery(query, key.query);
  return sortedQuery(dropFromQuery(keyed, secrets));
}

function compileRule(config: RuleConfig, cascade: Cascade): CompiledRule {
  const invalidate = config.invalidate.map((target) =>
    'path' in target ? parseTemplate(target.path, 'path') : parseTemplate(target.tag, 'tag'),
  );
  const refresh = config.refresh.map(({ path }) => parseTemplate(path, 'path'));
  const patch = config.patch.map(compilePatch);
  const lookups = Object.entries(config.lookup).map(([name, path]) => ({ name, path: parseTemplate(path, 'path') }));
  const condition = config.when && compileCondition(config.when);
  const payload = Object.entries(config.event?.payload ?? {}).map(([member, source]) => ({
    member,
    source: parseSource(source),
  }));
  const targets = [...invalidate, ...refresh, ...patch.map(({ path }) => path)];
  const sources = [
    ...[...targets, ...lookups.map(({ path }) => path)].flatMap(templateSources),
    ...(condition === undefined ? [] : conditionSources(condition)),
    ...payload.map(({ source }) => source),
  ];
  const roots = new Set<Root>([...sources.map(({ root }) => root), ...patch.map((each) => each.with.root)]);
  // Both compare `before` with the response.
  const compares = config.onlyIfChanged !== undefined || (condition?.changed.length ?? 0) > 0;
  return {
    config,
    targets,
    refresh,
    patch,
    lookups,
    condition,
    needs: {
      before: (roots.has('before') || compares) && config.before !== 'off',
      request: roots.has('request'),
      response: roots.has('response') || compares,
    },
    payload,
    ignoring: config.onlyIfChanged?.ignoring.map((path) => compileJsonPath(belowRoot(path))),
    cascades: targets.map((_, i) => config.invalidate[i]?.cascade ?? false),
    cascade,
  };
}

function compilePatch(config: PatchConfig): CompiledPatch {
  const { root, steps } =
    config.with === 'response' || config.with === 'request'
      ? { root: config.with, steps: [] }
      : (parseSource(config.with) as JsonSource);
  return {
    config,
    path: parseTemplate(config.path, 'path'),
    // RFC 6901 §4: replace "~1" first, or "~01" would become "/".
    at: config.at
      .split('/')
      .slice(1)
      .map((token) => token.replaceAll('~1', '/').replaceAll('~0', '~')),
    with: { root: root as 'request' | 'response', steps, text: config.with },
  };
}

/** Which roots the templates select from. */
function rootsOf(templates: readonly Template[]): ReadonlySet<Root> {
  return new Set(templates.flatMap(templateSources).map(({ root }) => root));
}

const templateSources = (template: Template): Source[] => template.placeholders.flatMap(({ sources }) => sources);

/** The tags that a route declares for its stored responses. */
export interface RouteTags {
  /** Whether the tags depend on the body of the response. */
  readonly needsBody: boolean;
  /**
   * The declared tags of one response, as names (without the kind that coherence/tag.ts puts in front). A response with
   * an `unresolved` placeholder or an `overflow` of tags must not be stored: it cannot carry a wildcard, so an
   * invalidation of the unknown tag would miss it. An empty array or a null is a known value, and gives no tag.
   */
  tagsFor(sources: TagSources): TagSelection;
  /**
   * For a response that is not at hand: the tags that its path gives, and the families of other tags that it may carry.
   */
  ahead(params: Sources['params'], families: TagFamilies): { tags: readonly string[]; open: readonly string[] };
}

export type TagSources = Omit<Sources, 'request' | 'before'>;

export interface TagSelection {
  readonly tags: string[];
  readonly unresolved: Unresolved[];
  readonly overflow: boolean;
}

/** @throws TemplateError also for what only a rule can have: `request`, `before`, wildcards */
export function compileTags(templates: readonly string[]): RouteTags {
  const compiled = templates.map(parseRouteTag);
  const byPath = compiled.filter((template) => templateSources(template).every(({ root }) => root === 'params'));
  const beginnings = compiled.filter((template) => !byPath.includes(template)).map(beginningOf);
  return {
    needsBody: rootsOf(compiled).has('response'),
    tagsFor: (sources) =>
      tagsOf(compiled, { ...sources, request: { missing: 'not-read' }, before: { missing: 'not-read' } }),
    ahead: (params, families) => ({
      tags: byPath.length === 0 ? [] : tagsOf(byPath, { ...nothingRead, params }).tags,
      open: beginnings.length === 0 ? [] : beginnings.flatMap((beginning) => families.related(beginning)),
    }),
  };
}

const nothingRead: Sources = {
  params: {},
  query: '',
  requestHeader: () => undefined,
  responseHeader: () => undefined,
  request: { missing: 'not-read' },
  response: { missing: 'not-read' },
  before: { missing: 'not-read' },
};

function parseRouteTag(text: string): TagTemplate {
  const template = parseTemplate(text, 'tag');
  if (template.parts.length > 1) {
    throw new TemplateError(
      'the tag of a response cannot have a wildcard',
      'use a placeholder, {…}, for the part that varies',
      text.indexOf('*'),
    );
  }
  for (const source of template.placeholders.flatMap(({ sources }) => sources)) {
    if (source.root !== 'request' && source.root !== 'before' && source.root !== 'lookup') continue;
    const hint = 'a read has params, query, requestHeader, responseHeader and response';
    const root = source.root === 'lookup' ? source.name : source.root;
    throw new TemplateError(`a read has no "${root}"`, hint, text.indexOf(source.text));
  }
  return template;
}

function tagsOf(templates: readonly TagTemplate[], sources: Sources): TagSelection {
  const tags = new Set<string>();
  const unresolved: Unresolved[] = [];
  let overflow = false;
  for (const template of templates) {
    const bindings = template.placeholders.map((placeholder) => bindStored(placeholder, sources));
    for (const [i, { unresolved: reason }] of bindings.entries()) {
      if (reason === undefined) continue;
      unresolved.push({
        target: template.text,
        placeholder: template.placeholders[i]?.text ?? '',
        reason,
      });
    }
    const values = bindings.map((binding) => binding.values);
    overflow ||= bindings.some((binding) => binding.overflow) || expansions(values) + tags.size > MAX_EXPANSIONS;
    if (overflow || unresolved.length > 0) continue;
    for (const target of expand(template, values)) if (target.kind === 'tag') tags.add(target.tag);
  }
  return { tags: [...tags], unresolved, overflow };
}
