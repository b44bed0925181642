import { answerSchema } from './api-schema.ts';
import type { ApiModel, DraftTarget } from './draft-model.ts';
import { templateOf } from './draft-routes.ts';
import type { Others } from './id-sources.ts';
import type { ApiPath } from './operations.ts';
import { lastParameter, type Resource } from './resources.ts';
import { plainWord, singular } from './words.ts';

/** What is known about a write: the sources of the ids that its targets need. */
export interface Known {
  readonly resource: Resource | undefined;
  /** Sources of the ids of what is written: `id`, or `response.id`; `*` if unknown. */
  readonly ids: string;
  /** Sources of the ids of other resources, by their names. */
  readonly others: Others;
}

/** What a write makes stale. */
export class TargetDrafter {
  readonly #model: ApiModel;
  readonly #byPattern: ReadonlyMap<string, ApiPath>;
  readonly #byParent: ReadonlyMap<string, readonly ApiPath[]>;
  readonly #embedded = new Map<ApiPath, ReadonlySet<string>>();

  constructor(model: ApiModel, byPattern: ReadonlyMap<string, ApiPath>) {
    this.#model = model;
    this.#byPattern = byPattern;
    this.#byParent = belowItems(model);
  }

  /** Itself, wherever it is shown or listed, and its parents. */
  ofWrite(path: ApiPath, resource: Resource, known: Known): DraftTarget[] {
    const parents = [...known.others].flatMap(([name, { why }]) => this.#parents(name, why, resource, known));
    return [...this.ofResource(path, resource, known), ...this.ancestors(path), ...parents];
  }

  ofResource(path: ApiPath, resource: Resource, known: Known): DraftTarget[] {
    const items = resource.items.flatMap((item) =>
      targetOf(this.fill(item, known), item === path ? 'itself' : `the same ${resource.name}`),
    );
    const tag = tagTarget(resource.name, known.ids, 'everything that shows it, see the tags of the routes');
    return [...items, tag, ...this.#lists(resource, known, 'its lists, with every query')];
  }

  /** `/steps/{stepId}` above `/steps/{stepId}/accommodations`, and the lists that show it, with its totals. */
  ancestors(path: ApiPath): DraftTarget[] {
    return path.parts.flatMap((part, i): DraftTarget[] => {
      if ('literal' in part || i === path.parts.length - 1) return [];
      const above = this.#byPattern.get(patternUpTo(path, i + 1));
      const list = this.#byPattern.get(patternUpTo(path, i));
      const targets: DraftTarget[] = [];
      if (above?.operations.has('GET')) targets.push(pathTarget(templateOf(above), 'it is below that'));
      const owner = above && this.#model.owners.get(above);
      if (above !== undefined && owner !== undefined) {
        const known: Known = { resource: undefined, ids: '*', others: namedBy(above) };
        targets.push(
          tagTarget(owner.name, lastParameter(above) ?? '*', 'and whatever shows that'),
          ...this.#lists(owner, known, `lists of its parent: totals, latest`),
        );
      }
      if (list?.operations.has('GET')) targets.push(pathTarget(templateOf(list), 'the list of its parent'));
      return targets;
    });
  }

  /** What is below a deleted resource, also under its other paths. */
  below(resource: Resource, known: Known): DraftTarget[] {
    const unknownIds: Known = { resource: undefined, ids: '*', others: new Map() };
    return resource.items.flatMap((item) => {
      const below = this.#byParent.get(item.pattern) ?? [];
      const filled = this.fill(item, known);
      if (below.length === 0 || filled === undefined) return [];
      const what = below.map(({ written }) => written).join(', ');
      const owners = new Set(below.flatMap((path) => this.#model.owners.get(path) ?? []));
      const atOtherPaths = [...owners].flatMap((owner) =>
        [...owner.items, ...owner.collections]
          .filter((path) => path.operations.has('GET') && !path.pattern.startsWith(`${item.pattern}/`))
          .flatMap((path) => targetOf(this.fill(path, unknownIds), `it is unknown which ${owner.name} was below it`)),
      );
      return [...targetOf(`${filled}/**`, `everything below it is gone, too: ${what}`), ...atOtherPaths];
    });
  }

  /** All possible parents, if it is unknown which. */
  anyParents(resource: Resource): DraftTarget[] {
    const names = new Set(resource.references.map(({ resource: name }) => name));
    for (const item of resource.items) for (const [name] of namedBy(item)) if (name !== resource.name) names.add(name);
    const known: Known = { resource: undefined, ids: '*', others: new Map() };
    return [...names].flatMap((name) => this.#parents(name, 'one of them may have been its parent', resource, known));
  }

  #parents(name: string, why: string, child: Resource, known: Known): DraftTarget[] {
    const parent = this.#model.resources.get(name);
    if (parent === undefined) return [];
    const items = parent.items
      .filter(({ operations }) => operations.has('GET'))
      .flatMap((item) => targetOf(this.fill(item, known), why));
    const lists = this.#lists(
      { ...parent, collections: parent.collections.filter((list) => this.#embeddedIn(list).has(child.name)) },
      known,
      `${why}, and its lists embed ${child.name}`,
    );
    return [...items, ...lists];
  }

  #embeddedIn(list: ApiPath): ReadonlySet<string> {
    const known = this.#embedded.get(list);
    if (known !== undefined) return known;
    const { document, embeddings } = this.#model;
    const found = embeddings.of(answerSchema(document, list.operations.get('GET') ?? {}), undefined);
    const names = new Set(found.map(({ resource }) => resource));
    this.#embedded.set(list, names);
    return names;
  }

  #lists({ collections }: Resource, known: Known, comment: string): DraftTarget[] {
    return collections
      .filter(({ operations }) => operations.has('GET'))
      .flatMap((list) => targetOf(this.fill(list, known), comment));
  }

  /** A path with each parameter replaced by its source; undefined if that would match any path. */
  fill({ parts }: ApiPath, { resource, ids, others }: Known): string | undefined {
    const segments = parts.map((part, i) => {
      if ('literal' in part) return part.literal;
      const before = parts[i - 1];
      const name = before !== undefined && 'literal' in before ? plainWord(singular(before.literal)) : '';
      if (name === resource?.name) return ids === '*' ? '*' : `{${ids}}`;
      const sources = others.get(name)?.sources;
      return sources === undefined || sources.length === 0 ? '*' : `{${sources.join(', ')}}`;
    });
    return segments[0] === '*' || segments[0]?.startsWith('{') === true ? undefined : `/${segments.join('/')}`;
  }
}

export const pathTarget = (text: string, comment: string): DraftTarget => ({ kind: 'path', text, comment });
const tagTarget = (name: string, ids: string, comment: string): DraftTarget => ({
  kind: 'tag',
  text: `${name}:${ids === '*' ? '*' : `{${ids}}`}`,
  comment,
});
export const targetOf = (text: string | undefined, comment: string): DraftTarget[] =>
  text === undefined ? [] : [pathTarget(text, comment)];

export function unique(targets: readonly DraftTarget[]): DraftTarget[] {
  const first = new Map<string, DraftTarget>();
  for (const target of targets)
    if (!first.has(`${target.kind} ${target.text}`)) first.set(`${target.kind} ${target.text}`, target);
  return [...first.values()];
}

/** The readable paths below each path that ends in a parameter, by pattern. */
function belowItems({ paths }: ApiModel): Map<string, ApiPath[]> {
  const found = new Map<string, ApiPath[]>();
  for (const path of paths) {
    if (!path.operations.has('GET')) continue;
    for (const [i, part] of path.parts.slice(0, -1).entries()) {
      if ('literal' in part) continue;
      const above = patternUpTo(path, i + 1);
      const known = found.get(above);
      if (known === undefined) found.set(above, [path]);
      else known.push(path);
    }
  }
  return found;
}

function patternUpTo({ pattern }: ApiPath, segments: number): string {
  return pattern
    .split('/')
    .slice(0, segments + 1)
    .join('/');
}

function namedBy(path: ApiPath): Others {
  return new Map([...parametersOf(path)].map(([name, parameter]) => [name, { sources: [parameter], why: '' }]));
}

/** Resource → the parameter that identifies it in a path. */
export function parametersOf({ parts }: ApiPath): Map<string, string> {
  const found = new Map<string, string>();
  for (const [i, part] of parts.entries()) {
    const before = parts[i - 1];
    if (!('parameter' in part) || part.parameter === undefined || before === undefined || !('literal' in before))
      continue;
    found.set(plainWord(singular(before.literal)), part.parameter);
  }
  return found;
}
