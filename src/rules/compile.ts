import type { RuleConfig } from '../config/model.ts';
import { PatternTrie } from '../route/pattern.ts';
import { bindStored } from './bind.ts';
import { expand, expansions, MAX_EXPANSIONS } from './expand.ts';
import { parseTemplate, TemplateError } from './template.ts';
import type { CompiledRule, Root, RuleMatch, Sources, TagTemplate, Template, Unresolved } from './types.ts';

/** The rules of a configuration, ready to be matched. */
export interface RuleSet {
  /** Every rule that applies to a write, in the order of the configuration. `resource` is canonical (route/path.ts). */
  match(method: string, resource: string): RuleMatch[];
}

/** RFC 9110 §9.2.1. Every other method, known or not, may change something. */
const safeMethods = new Set(['GET', 'HEAD', 'OPTIONS', 'TRACE']);

/** @throws PatternError, TemplateError */
export function compileRules(rules: readonly RuleConfig[]): RuleSet {
  // Matching follows the segments of the path: a thousand rules cost what the few do that share its pattern.
  const trie = new PatternTrie<{ rule: CompiledRule; methods: ReadonlySet<string> }>();
  for (const config of rules) trie.add(config.pattern, { rule: compileRule(config), methods: new Set(config.methods) });
  return {
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

function compileRule(config: RuleConfig): CompiledRule {
  const targets = config.invalidate.map((target) =>
    'path' in target ? parseTemplate(target.path, 'path') : parseTemplate(target.tag, 'tag'),
  );
  const roots = rootsOf(targets);
  const needs = {
    before: roots.has('before') && config.before !== 'off',
    request: roots.has('request'),
    response: roots.has('response'),
  };
  return { config, targets, refresh: [], patch: [], lookups: [], condition: undefined, needs, payload: [] };
}

/** Which roots the templates select from. */
function rootsOf(templates: readonly Template[]): ReadonlySet<Root> {
  const sources = templates.flatMap(({ placeholders }) => placeholders).flatMap((placeholder) => placeholder.sources);
  return new Set(sources.map(({ root }) => root));
}

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
  };
}

function parseRouteTag(text: string): TagTemplate {
  const template = parseTemplate(text, 'tag');
  if (template.parts.length > 1) {
    throw new TemplateError('a tag of a response has no wildcard', 'write {…} for what varies', text.indexOf('*'));
  }
  for (const source of template.placeholders.flatMap(({ sources }) => sources)) {
    if (source.root !== 'request' && source.root !== 'before') continue;
    const hint = 'params, query, requestHeader, responseHeader and response are known of a read';
    throw new TemplateError(`a read has no "${source.root}"`, hint, text.indexOf(source.text));
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
