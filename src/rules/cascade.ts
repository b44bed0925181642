import { PatternTrie, parsePattern, patternShape, patternsOverlap } from '../route/pattern.ts';
import { bind } from './bind.ts';
import { expand, expansions, MAX_EXPANSIONS, type Values } from './expand.ts';
import { parseTemplate } from './template.ts';
import type { Cascade, Source, Sources, TagTemplate, Target, Template } from './types.ts';

/**
 * How many times a cascade goes on from what embeds its target to what embeds that. Cycles end by themselves; this stops a
 * configuration whose routes all embed each other from making every write hit everything, one tag after another.
 */
const MAX_CASCADE_DEPTH = 8;

/** What a route says of its stored responses: who they are, and whom they embed. */
interface Edges {
  readonly pattern: string;
  /** Tags of parameters alone: `step:{stepId}` on `/steps/:stepId`. */
  readonly identity: readonly TagTemplate[];
  /** Tags taken from the response: `accommodation:{response.accommodations[*].id}`. */
  readonly embedded: readonly TagTemplate[];
}

/**
 * The edges between routes, as their tags declare them. From an accommodation to what embeds it leads its tag, with its id;
 * which steps those are, only their bodies tell, and they need not be stored on this node, or at all: so what embeds *them* is
 * reached by every `step:*`. It may hit too much, never too little.
 * @param routes in the order in which they are tried
 */
export function compileCascade(
  routes: readonly { readonly match: string; readonly tags: readonly string[] }[],
): Cascade {
  const edges = routes.map(({ match, tags }): Edges => {
    const templates = tags.map((tag) => parseTemplate(tag, 'tag'));
    const isIdentity = (template: TagTemplate): boolean =>
      sourcesOf(template).every(({ root }) => root === 'params' || root === 'query');
    return {
      pattern: match,
      identity: templates.filter(isIdentity),
      embedded: templates.filter((template) => !isIdentity(template)),
    };
  });
  const trie = new PatternTrie<Edges>();
  for (const each of edges) trie.add(each.pattern, each);
  return {
    of: (target, certain) => {
      const found = new Map<string, Target>();
      let frontier = identities(target, edges, trie, certain);
      for (let depth = 0; depth < MAX_CASCADE_DEPTH && frontier.length > 0; depth++) {
        const fresh = frontier.filter((each) => !found.has(JSON.stringify(each)));
        for (const each of fresh) found.set(JSON.stringify(each), each);
        frontier = certain ? [] : fresh.flatMap((each) => embedders(each, edges));
      }
      return [...found.values()];
    },
  };
}

const sourcesOf = (template: TagTemplate): readonly Source[] => template.placeholders.flatMap(({ sources }) => sources);

/** The tags that name what a target names. */
function identities(target: Target, edges: readonly Edges[], trie: PatternTrie<Edges>, certain: boolean): Target[] {
  switch (target.kind) {
    case 'tag':
    case 'tagPattern':
      return [target];
    case 'pattern':
      if (certain) return [];
      return edges
        .filter(({ pattern }) => patternsOverlap(patternShape(parsePattern(pattern)), target.pattern))
        .flatMap(({ identity }) => identity.map(widened));
    default: {
      const route = trie.first(target.path);
      if (route === undefined) return [];
      const query = target.kind === 'query' ? target.query : '';
      return route.data.identity.flatMap((template) => identityOf(template, route.params, query, certain));
    }
  }
}

function identityOf(template: TagTemplate, params: Sources['params'], query: string, certain: boolean): Target[] {
  const none = { missing: 'not-read' } as const;
  const absent = (): undefined => undefined;
  const sources: Sources = {
    params,
    query,
    requestHeader: absent,
    responseHeader: absent,
    request: none,
    response: none,
    before: none,
  };
  const bindings = template.placeholders.map((placeholder) => bind(placeholder, sources, 'GET'));
  if (certain && bindings.some(({ unresolved }) => unresolved !== undefined)) return [];
  const values = bindings.map(({ values, unresolved }): Values => (unresolved === undefined ? values : '*'));
  return expansions(values) > MAX_EXPANSIONS ? [widened(template)] : expand(template, values);
}

/** Who the responses are that may carry a tag because they embed what it names. */
function embedders(tag: Target, edges: readonly Edges[]): Target[] {
  const parts = tag.kind === 'tag' ? [tag.tag] : tag.kind === 'tagPattern' ? tag.parts : undefined;
  if (parts === undefined) return [];
  return edges
    .filter(({ embedded }) => embedded.some((template) => mayCarry(partsOf(widened(template)), parts)))
    .flatMap(({ identity }) => identity.map(widened));
}

/** What a template names where none of its placeholders gives a value. */
export const widened = (template: Template): Target =>
  expand(
    template,
    template.placeholders.map(() => '*'),
  )[0] as Target;

const partsOf = (target: Target): readonly string[] =>
  target.kind === 'tag' ? [target.tag] : target.kind === 'tagPattern' ? target.parts : [];

/** Whether some tag lies in both, as far as that can be told. */
export const tagsOverlap = (a: Target, b: Target): boolean => mayCarry(partsOf(a), partsOf(b));

/** Whether some tag lies in both, going by their beginnings and ends: what lies between is never told apart. */
function mayCarry(a: readonly string[], b: readonly string[]): boolean {
  if (a.length === 1 && b.length === 1) return a[0] === b[0];
  const [firstA, firstB, lastA, lastB] = [a[0] ?? '', b[0] ?? '', a.at(-1) ?? '', b.at(-1) ?? ''];
  const whole = a.length === 1 ? firstA : b.length === 1 ? firstB : undefined;
  const [first, last] = a.length === 1 ? [firstB, lastB] : [firstA, lastA];
  if (whole !== undefined) {
    return whole.length >= first.length + last.length && whole.startsWith(first) && whole.endsWith(last);
  }
  return (firstA.startsWith(firstB) || firstB.startsWith(firstA)) && (lastA.endsWith(lastB) || lastB.endsWith(lastA));
}
