import { parsePattern, patternShape, patternsOverlap } from '../route/pattern.ts';
import { bind } from './bind.ts';
import { expand, expansions, MAX_EXPANSIONS, type Values } from './expand.ts';
import { SpelledPatterns } from './spelled-patterns.ts';
import { asTheyStand, type FoldedForms, formsOf, type Spellings } from './spellings.ts';
import { parseTemplate } from './template.ts';
import type { Cascade, Sources, TagTemplate, Target, Template } from './types.ts';

/** What the tags of a route declare about its stored responses. */
interface Edges {
  /** Its pattern without names, as it is written and folded. */
  readonly shapes: readonly string[];
  /** Which resource a response is: tags made of parameters alone, `step:{stepId}` on `/steps/:stepId`. */
  readonly identity: readonly TagTemplate[];
  /**
   * What a response embeds, with wildcards: `accommodation:*` for `accommodation:{response.accommodations[*].id}`. Only
   * the text between the wildcards is kept, folded.
   */
  readonly embedded: readonly (readonly string[])[];
}

interface Graph {
  readonly edges: readonly Edges[];
  readonly patterns: SpelledPatterns<Edges>;
  /** Records cover folded forms as well, so a route may be concerned in one of those alone. */
  readonly folded: FoldedForms;
}

/**
 * The edges between routes, as their tags declare them. An accommodation's tag, with its id, finds the steps that embed
 * it. Only the bodies of those steps say which steps they are, and they may not be stored on this node, or at all. So
 * the next step of the cascade uses the wildcard `step:*`. The result may cover too much, never too little. Each
 * reachable route is visited once, so cycles end.
 * @param routes in matching order
 */
export function compileCascade(
  routes: readonly { readonly match: string; readonly tags: readonly string[] }[],
  spellings: Spellings = asTheyStand,
): Cascade {
  const graph = graphOf(routes, spellings);
  const above = new Map<Edges, readonly Edges[]>();
  const aboveOf = (route: Edges): readonly Edges[] => {
    const known = above.get(route) ?? route.identity.flatMap((each) => embedders(wildcardOf(each), graph));
    above.set(route, known);
    return known;
  };
  return {
    of: (target, certain) => {
      const found = new Map<string, Target>();
      const add = (each: Target): unknown => found.set(JSON.stringify(each), each);
      const named = identities(target, graph, certain);
      named.forEach(add);
      if (certain) return [...found.values()];
      // Iterating over a Set includes what the loop adds to it.
      const routes = new Set(named.flatMap((tag) => embedders(tag, graph)));
      for (const route of routes) {
        route.identity.map(wildcardOf).forEach(add);
        for (const further of aboveOf(route)) routes.add(further);
      }
      return [...found.values()];
    },
  };
}

function graphOf(routes: Parameters<typeof compileCascade>[0], spellings: Spellings): Graph {
  const { folded } = spellings;
  const patterns = new SpelledPatterns<Edges>(spellings);
  const edges = routes.map(({ match, tags }): Edges => {
    const templates = tags.map((tag) => parseTemplate(tag, 'tag'));
    const embedded = templates.filter((template) => !isIdentity(template)).map(wildcardOf);
    const route = {
      shapes: formsOf(patternShape(parsePattern(match)), folded),
      identity: templates.filter(isIdentity),
      embedded: embedded.map((tag) => foldedParts(tag, folded)),
    };
    patterns.add(match, route);
    return route;
  });
  return { edges, patterns, folded };
}

/** Whether a tag of a route identifies its responses, rather than what they embed. */
export const isIdentity = ({ placeholders }: TagTemplate): boolean =>
  placeholders.every(({ sources }) => sources.every(({ root }) => root === 'params' || root === 'query'));

/** The tags that identify the resources of a target. */
function identities(target: Target, { edges, patterns, folded }: Graph, certain: boolean): Target[] {
  switch (target.kind) {
    case 'tag':
    case 'tagPattern':
      return [target];
    case 'pattern': {
      if (certain) return [];
      const forms = formsOf(target.pattern, folded);
      return edges
        .filter(({ shapes }) => shapes.some((shape) => forms.some((form) => patternsOverlap(shape, form))))
        .flatMap(({ identity }) => identity.map(wildcardOf));
    }
    default: {
      const query = target.kind === 'query' ? target.query : '';
      return patterns
        .firstCandidates(target.path)
        .flatMap(({ data, params }) =>
          data.identity.flatMap((template) => identityOf(template, params, query, certain)),
        );
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
  return expansions(values) > MAX_EXPANSIONS ? [wildcardOf(template)] : expand(template, values);
}

/** The routes whose responses may embed what a tag identifies. */
function embedders(tag: Target, { edges, folded }: Graph): Edges[] {
  const parts = foldedParts(tag, folded);
  return edges.filter(({ embedded }) => embedded.some((other) => mayCarry(other, parts)));
}

/** The target of a template with a wildcard for each placeholder. */
export const wildcardOf = (template: Template): Target =>
  expand(
    template,
    template.placeholders.map(() => '*'),
  )[0] as Target;

const partsOf = (target: Target): readonly string[] =>
  target.kind === 'tag' ? [target.tag] : target.kind === 'tagPattern' ? target.parts : [];

const foldedParts = (target: Target, folded: FoldedForms): readonly string[] =>
  partsOf(target).map((part) => folded.tag(part));

/** Whether some tag may match both. */
export const tagsOverlap = (a: Target, b: Target): boolean => mayCarry(partsOf(a), partsOf(b));

/** Compares only the beginnings and the ends: what lies between may always be equal. */
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
