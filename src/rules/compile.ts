import type { TagFamilies } from '../coherence/tag-families.ts';
import type { TagKnowledge } from '../coherence/write-set.ts';
import type { PatchConfig, RuleConfig } from '../config/model.ts';
import { safeMethods } from '../http/methods.ts';
import { selectQuery, sortedQuery } from '../route/path.ts';
import { PatternTrie } from '../route/pattern.ts';
import { bindStored } from './bind.ts';
import { compileCascade } from './cascade.ts';
import { compileCondition, conditionSources } from './condition.ts';
import { expand, expansions, MAX_EXPANSIONS } from './expand.ts';
import { belowRoot, compileJsonPath } from './jsonpath.ts';
import { parseSource } from './source.ts';
import { beginningOf, tagKnowledge } from './tag-knowledge.ts';
import type { KeyedQuery } from './target.ts';
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
  /** Every rule that applies to a write, in the order of the configuration. `resource` is canonical (route/path.ts). */
  match(method: string, resource: string): RuleMatch[];
  /** All of them, in that order. */
  readonly rules: readonly CompiledRule[];
  /** By the routes that the configuration has. */
  readonly keyed: KeyedQuery;
  /** Which tags may be the same, and which name what is written. */
  readonly knowledge: TagKnowledge;
}

/** What rules need to know of the routes: what embeds what, and which parameters tell responses apart. */
export interface RouteEdge {
  readonly match: string;
  readonly tags: readonly string[];
  readonly cache?: { readonly key: { readonly query: readonly string[] | undefined } };
}

/** RFC 9110 §9.2.1. Every other method, known or not, may change something. */

/**
 * @param routes in the order in which they are tried
 * @throws PatternError, TemplateError, SelectorError
 */
export function compileRules(rules: readonly RuleConfig[], routes: readonly RouteEdge[] = []): RuleSet {
  // Matching follows the segments of the path: a thousand rules cost what the few do that share its pattern.
  const trie = new PatternTrie<{ rule: CompiledRule; methods: ReadonlySet<string> }>();
  const cascade = compileCascade(routes);
  const compiled = rules.map((config) => compileRule(config, cascade));
  for (const rule of compiled) trie.add(rule.config.pattern, { rule, methods: new Set(rule.config.methods) });
  const keys = new PatternTrie<readonly string[] | undefined>();
  for (const { match, cache } of routes) keys.add(match, cache?.key.query);
  return {
    rules: compiled,
    knowledge: tagKnowledge(
      compiled,
      routes.flatMap(({ tags }) => tags.map(parseRouteTag)),
    ),
    keyed: (path, query) => {
      const names = keys.first(path)?.data;
      return names === undefined ? undefined : sortedQuery(selectQuery(query, names));
    },
    match(method, resource) {
      const matched: RuleMatch[] = [];
      for (const { data, params } of trie.matches(resource)) {
        const applies = data.methods.has(method) || (data.methods.has('*') && !safeMethods.has(method));
        if (applies) matched.push({ rule: data.rule, params, method });
      }
      return matched;
    },
  };
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
  // What is compared are the representation as it was and the one that the answer brings.
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
    // RFC 6901 §4: "~1" first, or "~01" would come to "/".
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
  /** Whether they are selected from the body of the response. */
  readonly needsBody: boolean;
  /**
   * The declared tags of one response, as names (without the kind that coherence/tag.ts puts in front). A response with
   * anything `unresolved`, or with an `overflow` of tags, must not be stored: an invalidation of the tag that is not known
   * would leave it behind, and a stored response cannot carry a wildcard. That a body says there is none (an empty array, a
   * null) is known, and gives no tag.
   */
  tagsFor(sources: TagSources): TagSelection;
  /** Of a response that nobody has: the tags that its path alone tells, and the families of those that it may carry beside. */
  ahead(params: Sources['params'], families: TagFamilies): { tags: readonly string[]; open: readonly string[] };
}

export type TagSources = Omit<Sources, 'request' | 'before'>;

export interface TagSelection {
  readonly tags: string[];
  readonly unresolved: Unresolved[];
  readonly overflow: boolean;
}

/** @throws TemplateError also for what makes sense in a rule only: `request`, `before`, wildcards */
export function compileTags(templates: readonly string[]): RouteTags {
  const compiled = templates.map(parseRouteTag);
  return {
    needsBody: rootsOf(compiled).has('response'),
    tagsFor: (sources) =>
      tagsOf(compiled, { ...sources, request: { missing: 'not-read' }, before: { missing: 'not-read' } }),
    ahead: (params, families) => {
      const byPath = compiled.filter((template) => templateSources(template).every(({ root }) => root === 'params'));
      const others = compiled.filter((template) => !byPath.includes(template));
      return {
        tags: tagsOf(byPath, { ...nothingRead, params }).tags,
        open: others.flatMap((template) => families.related(beginningOf(template))),
      };
    },
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
    throw new TemplateError('a tag of a response has no wildcard', 'write {…} for what varies', text.indexOf('*'));
  }
  for (const source of template.placeholders.flatMap(({ sources }) => sources)) {
    if (source.root !== 'request' && source.root !== 'before' && source.root !== 'lookup') continue;
    const hint = 'params, query, requestHeader, responseHeader and response are known of a read';
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
      unresolved.push({ target: template.text, placeholder: template.placeholders[i]?.text ?? '', reason });
    }
    const values = bindings.map((binding) => binding.values);
    overflow ||= bindings.some((binding) => binding.overflow) || expansions(values) + tags.size > MAX_EXPANSIONS;
    if (overflow || unresolved.length > 0) continue;
    for (const target of expand(template, values)) if (target.kind === 'tag') tags.add(target.tag);
  }
  return { tags: [...tags], unresolved, overflow };
}
