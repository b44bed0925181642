import { type PatternMatch, parsePattern, patternShape, patternsOverlap } from '../route/pattern.ts';
import { bind } from './bind.ts';
import { expand, expansions, MAX_EXPANSIONS, type Values } from './expand.ts';
import { type IgnoredDifferences, SpelledPatterns } from './spelled-patterns.ts';
import { asTheyStand } from './spellings.ts';
import { parseTemplate } from './template.ts';
import type { Cascade, Sources, TagTemplate, Target, Template } from './types.ts';

/** What the tags of a route declare about its stored responses. */
interface Edges {
  readonly pattern: string;
  /** Which resource a response is: tags made of parameters alone, `step:{stepId}` on `/steps/:stepId`. */
  readonly identity: readonly TagTemplate[];
  /** What a response embeds, with wildcards: `accommodation:*` for `accommodation:{response.accommodations[*].id}`. */
  readonly embedded: readonly Target[];
}

/**
 * The edges between routes, as their tags declare them. An accommodation's tag, with its id, finds the steps that embed
 * it. Only the bodies of those steps say which steps they are, and they may not be stored on this node, or at all. So
 * the next step of the cascade uses the wildcard `step:*`. The result may cover too much, never too little. Each
 * reachable route is visited once, so cycles end.
 * @param routes in matching order
 * @param differences what origins ignore in paths
 */
export function compileCascade(
  routes: readonly { readonly match: string; readonly tags: readonly string[] }[],
  differences: IgnoredDifferences = asTheyStand,
): Cascade {
  const edges = routes.map(({ match, tags }): Edges => {
    const templates = tags.map((tag) => parseTemplate(tag, 'tag'));
    return {
      pattern: match,
      identity: templates.filter(isIdentity),
      embedded: templates.filter((template) => !isIdentity(template)).map(wildcardOf),
    };
  });
  const patterns = new SpelledPatterns<Edges>(differences);
  for (const each of edges) patterns.add(each.pattern, each);
  const above = new Map<Edges, readonly Edges[]>();
  const aboveOf = (route: Edges): readonly Edges[] => {
    const known = above.get(route) ?? route.identity.flatMap((each) => embedders(wildcardOf(each), edges));
    above.set(route, known);
    return known;
  };
  return {
    of: (target, certain) => {
      const found = new Map<string, Target>();
      const add = (each: Target): unknown => found.set(JSON.stringify(each), each);
      const named = identities(target, edges, (path) => patterns.firstsOfAll(path), certain);
      named.forEach(add);
      if (certain) return [...found.values()];
      // Iterating over a Set includes what the loop adds to it.
      const routes = new Set(named.flatMap((tag) => embedders(tag, edges)));
      for (const route of routes) {
        route.identity.map(wildcardOf).forEach(add);
        for (const further of aboveOf(route)) routes.add(further);
      }
      return [...found.values()];
    },
  };
}

/** Whether a tag of a route identifies its responses, rather than what they embed. */
export const isIdentity = ({ placeholders }: TagTemplate): boolean =>
  placeholders.every(({ sources }) => sources.every(({ root }) => root === 'params' || root === 'query'));

/** The tags that identify the resources of a target. */
function identities(
  target: Target,
  edges: readonly Edges[],
  routesOf: (path: string) => readonly PatternMatch<Edges>[],
  certain: boolean,
): Target[] {
  switch (target.kind) {
    case 'tag':
    case 'tagPattern':
      return [target];
    case 'pattern':
      if (certain) return [];
      return edges
        .filter(({ pattern }) => patternsOverlap(patternShape(parsePattern(pattern)), target.pattern))
        .flatMap(({ identity }) => identity.map(wildcardOf));
    default: {
      const query = target.kind === 'query' ? target.query : '';
      return routesOf(target.path).flatMap(({ data, params }) =>
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
function embedders(tag: Target, edges: readonly Edges[]): Edges[] {
  return edges.filter(({ embedded }) => embedded.some((other) => tagsOverlap(other, tag)));
}

/** The target of a template with a wildcard for each placeholder. */
export const wildcardOf = (template: Template): Target =>
  expand(
    template,
    template.placeholders.map(() => '*'),
  )[0] as Target;

const partsOf = (target: Target): readonly string[] =>
  target.kind === 'tag' ? [target.tag] : target.kind === 'tagPattern' ? target.parts : [];

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
