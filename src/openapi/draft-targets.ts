import { requestSchema, shapeOf } from './api-schema.ts';
import type { ApiModel, DraftTarget } from './draft-model.ts';
import { Filler, type Ids, type Known, nothing } from './fill.ts';
import { nounOf } from './keys.ts';
import { hasLink } from './links.ts';
import { type ApiPath, isBelow, operationsOf, shapeUpTo } from './operations.ts';
import { nounOfField } from './references.ts';
import type { Resource } from './resource.ts';
import { lastParameter } from './resources.ts';
import { brief, pathTarget, tagTarget } from './targets.ts';
import { plainWord, singular } from './words.ts';

export type { Known, Others } from './fill.ts';

/** What a write makes stale. */
export class TargetDrafter {
  readonly #model: ApiModel;
  readonly #shapes: ReadonlyMap<string, ApiPath>;
  readonly #byParent: ReadonlyMap<string, readonly ApiPath[]>;
  readonly #filler: Filler;
  /** The reads that name a resource in their paths. */
  #scoped: Map<Resource, Set<ApiPath>> | undefined;

  constructor(model: ApiModel, shapes: ReadonlyMap<string, ApiPath>) {
    this.#model = model;
    this.#shapes = shapes;
    this.#byParent = belowItems(model);
    this.#filler = new Filler(model, shapes);
  }

  /** Itself, wherever it is shown or listed, and its parents. */
  ofWrite(path: ApiPath, resource: Resource, known: Known): DraftTarget[] {
    const parents = [...known.others].flatMap(([name, { why }]) => this.#parents(name, why, resource, known));
    return [
      ...this.ofResource(path, resource, known),
      ...this.ancestors(path),
      ...parents,
      ...this.#ofOwnKind(resource, known),
    ];
  }

  /** A folder in a folder: the one that it is in, and the one that it was in. */
  #ofOwnKind(resource: Resource, known: Known): DraftTarget[] {
    if (known.parent === undefined) return [];
    const others = new Map([[resource.name, { ids: known.parent, why: '' }]]);
    const above: Known = { path: undefined, resource: undefined, ids: nothing, others };
    return this.#parents(resource.name, `it is in another ${resource.name}`, resource, above);
  }

  /** The parents of an item whose own path does not name them: a comment that is only listed below its issue. */
  ofUnnamedParents(resource: Resource, known: Known): DraftTarget[] {
    const lists = [...resource.collections, ...this.#model.showing.of(resource).lists];
    const names = new Set(lists.flatMap((list) => [...this.parametersOf(list).keys()]));
    return [...names].flatMap((name) => {
      const parent = this.#model.resources.get(name);
      if (parent === undefined || parent === resource || known.others.has(name)) return [];
      return this.#counts(parent, resource) || parent.items.some((item) => this.#embeds(item, resource))
        ? [
            ...this.#parents(name, `it is unknown which ${name} it was in`, resource, known),
            ...this.#lists(parent, known, `lists of its ${name}`),
          ]
        : [];
    });
  }

  ofResource(path: ApiPath, resource: Resource, known: Known): DraftTarget[] {
    const items = resource.items.flatMap((item) =>
      this.target(item, known, item === path ? 'itself' : `the same ${resource.name}`),
    );
    const ids = resource.idField === undefined ? [] : known.ids(resource.idField);
    const tag = tagTarget(resource.name, ids, 'everything that shows it, see the tags of the routes');
    return [
      ...items,
      tag,
      ...this.#lists(resource, known, 'its lists, with every query'),
      ...this.#showing('untagged', resource, known, 'shows it, but not by which id'),
      ...this.#loose(resource, known),
      ...resource.items.flatMap((item) => this.#parts(item, known)),
    ];
  }

  /** What is created may be in any array of such, unless what it belongs to is known or has to be told. */
  ofCreated(resource: Resource, known: Known, others: readonly DraftTarget[]): DraftTarget[] {
    const covered = new Set(others.flatMap(({ route }) => route ?? []));
    return this.#model.showing
      .of(resource)
      .arrays.filter((path) => !covered.has(path) && !hasLink(this.#model, resource, path))
      .flatMap((path) => this.target(path, known, `shows any number of ${resource.name}: a new one may be among them`));
  }

  /** `/steps/{stepId}` above `/steps/{stepId}/accommodations`, and the lists that show it, with its totals. */
  ancestors(path: ApiPath): DraftTarget[] {
    const here: Known = { path, resource: undefined, ids: nothing, others: new Map() };
    const found = path.parts.map((part, i): DraftTarget[] => {
      if ('literal' in part || i === path.parts.length - 1) return [];
      const above = this.#shapes.get(shapeUpTo(path, i + 1));
      const list = this.#shapes.get(shapeUpTo(path, i));
      const targets = above === undefined ? [] : this.target(above, here, 'it is below that');
      const owner = above && this.#model.owners.get(above);
      if (above !== undefined && owner?.items.includes(above) === true) {
        const known = this.#knownAt(above, owner);
        const ids = owner.idField === undefined ? [] : known.ids(owner.idField);
        const others = owner.items
          .filter((item) => item !== above)
          .flatMap((item) => this.target(item, known, `the same ${owner.name}`));
        targets.push(
          ...others,
          tagTarget(owner.name, ids, 'and whatever shows that'),
          ...this.#lists(owner, known, `lists of its parent: totals, latest`),
          ...this.#showing('untagged', owner, known, 'shows its parent, but not by which id'),
        );
      }
      if (list !== undefined) targets.push(...this.target(list, here, 'the list of its parent'));
      return targets;
    });
    return found.flat();
  }

  /** What has the id of a deleted resource as a plain value: it is deleted, too, or has to do without. */
  referring(resource: Resource): DraftTarget[] {
    const unknownIds: Known = { path: undefined, resource: undefined, ids: nothing, others: new Map() };
    const { resources, showing } = this.#model;
    return [...resources.values()].flatMap((other) => {
      const names = other.references.some((each) => each.resource === resource.name && each.isNamed && !each.isObject);
      if (!names) return [];
      return [...other.items, ...other.collections, ...showing.of(other).lists]
        .filter((path) => !resource.items.some((item) => isBelow(path, item)))
        .flatMap((path) => this.target(path, unknownIds, `${other.name} names it: deleted with it, or changed`));
    });
  }

  /** What is below a deleted resource, also under its other paths. */
  below(resource: Resource, known: Known): DraftTarget[] {
    const unknownIds: Known = { path: known.path, resource: undefined, ids: nothing, others: new Map() };
    const scoped = this.#scopedBy(resource).flatMap((path) => this.target(path, known, `of this ${resource.name}`));
    const below = resource.items.flatMap((item) => {
      const below = this.#byParent.get(item.shape) ?? [];
      if (below.length === 0) return [];
      const what = below.map(({ written }) => written);
      const owners = new Set(below.flatMap((path) => this.#model.owners.get(path) ?? []));
      owners.delete(resource);
      const atOtherPaths = [...owners].flatMap((owner) =>
        [...owner.items, ...owner.collections, ...this.#model.showing.of(owner).lists]
          .filter((path) => path.operations.has('GET') && !isBelow(path, item))
          .flatMap((path) => this.target(path, unknownIds, `it is unknown which ${owner.name} was below it`)),
      );
      const comment = `everything below it is gone, too: ${brief(what)}`;
      return [pathTarget(this.#filler.fillBelow(item, known), comment), ...atOtherPaths];
    });
    return [...below, ...scoped];
  }

  /** What is below an item that gets another path. */
  belowItself(item: ApiPath, known: Known): DraftTarget[] {
    if ((this.#byParent.get(item.shape) ?? []).length === 0) return [];
    return [pathTarget(this.#filler.fillBelow(item, known), 'everything below it has another path, if it is renamed')];
  }

  /** What is sent inside of what is written, and has paths of its own: the lines of an order. */
  ofChildren(path: ApiPath, resource: Resource, methods: readonly string[], known: Known): DraftTarget[] {
    const { document, embeddings, resources } = this.#model;
    const sent = operationsOf(
      path,
      methods.filter((method) => method !== 'DELETE'),
    ).flatMap((operation) => embeddings.of(requestSchema(document, operation), resource.name));
    const children = new Set(sent.flatMap((each) => (each.isMany && !each.isList ? each.resource : [])));
    children.delete(resource.name);
    return [...children].flatMap((name) => {
      const child = resources.get(name);
      if (child === undefined) return [];
      const why = `${resource.name} is sent with its ${name}`;
      return [
        ...child.items.flatMap((item) => this.target(item, known, why)),
        tagTarget(name, [], why),
        ...this.#lists(child, known, why),
      ];
    });
  }

  /** Reads at other paths that name the resource: `/items/{collection}` for collections. */
  #scopedBy(resource: Resource): ApiPath[] {
    this.#scoped ??= this.#pathsByOwner();
    const own = new Set(resource.items.flatMap((item) => [item, ...(this.#byParent.get(item.shape) ?? [])]));
    return [...(this.#scoped.get(resource) ?? [])].filter((path) => !own.has(path));
  }

  #pathsByOwner(): Map<Resource, Set<ApiPath>> {
    const found = new Map<Resource, Set<ApiPath>>();
    for (const path of this.#model.paths) {
      if (!path.operations.has('GET')) continue;
      for (const [i, part] of path.parts.entries()) {
        const owner = 'parameter' in part ? this.#filler.ownerAt(path, i)?.resource : undefined;
        if (owner !== undefined) found.set(owner, (found.get(owner) ?? new Set()).add(path));
      }
    }
    return found;
  }

  /**
   * All possible parents, if it is unknown which.
   * @param isNamed the items are known: tags find the parents that embed them, and carry the id of each
   */
  anyParents(resource: Resource, isNamed = false): DraftTarget[] {
    const names = new Set(
      resource.references
        .filter(({ isNamed, resource: name }) => {
          const parent = this.#model.resources.get(name);
          return isNamed || (parent !== undefined && this.#isRelated(parent, resource));
        })
        .map(({ resource: name }) => name),
    );
    for (const item of resource.items)
      for (const [name] of this.parametersOf(item)) if (name !== resource.name) names.add(name);
    const known: Known = { path: undefined, resource: undefined, ids: nothing, others: new Map() };
    return [...names]
      .filter((name) => !isNamed || !this.#isTaggedIn(name, resource))
      .flatMap((name) => this.#parents(name, 'one of them may have been its parent', resource, known));
  }

  /** Whether whatever shows a parent has a tag for each of its children, which are always objects there. */
  #isTaggedIn(name: string, child: Resource): boolean {
    const parent = this.#model.resources.get(name);
    if (parent === undefined || this.#counts(parent, child)) return false;
    const shown = parent.items.filter(({ operations }) => operations.has('GET'));
    return shown.every((item) =>
      this.#model.showing
        .embeddedIn(item)
        .some(({ resource, path, isMany }) => resource === child.name && isMany && path?.includes('[?') === false),
    );
  }

  /** Resource → where a path has its ids, without the resource of the whole path. */
  parametersOf(path: ApiPath): Map<string, Ids> {
    const found = new Map<string, Ids>();
    for (const [i, part] of path.parts.entries()) {
      if (!('parameter' in part) || part.parameter === undefined) continue;
      const { parameter } = part;
      const owner = this.#filler.ownerAt(path, i);
      if (owner !== undefined)
        found.set(owner.resource.name, (key) => (key !== undefined && key === owner.key ? [parameter] : []));
    }
    return found;
  }

  target(path: ApiPath, known: Known, comment: string): DraftTarget[] {
    if (!path.operations.has('GET') && path !== known.path) return [];
    return [pathTarget(this.#filler.fill(path, known), comment, path)];
  }

  fill(path: ApiPath, known: Known): string {
    return this.#filler.fill(path, known);
  }

  #knownAt(path: ApiPath, resource: Resource): Known {
    const parameter = lastParameter(path);
    const ids: Ids = (key) =>
      key !== undefined && parameter !== undefined && resource.keys.get(path) === key ? [parameter] : [];
    const others = new Map([...this.parametersOf(path)].map(([name, each]) => [name, { ids: each, why: '' }]));
    return { path, resource, ids, others };
  }

  #parents(name: string, why: string, child: Resource, known: Known): DraftTarget[] {
    const parent = this.#model.resources.get(name);
    if (parent === undefined) return [];
    const items = parent.items.flatMap((item) => this.target(item, known, why));
    const { arrays, lists } = this.#model.showing.of(child);
    const embedding = new Set([...arrays, ...lists, ...this.#model.showing.of(child).untagged]);
    const own = [...parent.collections, ...this.#model.showing.of(parent).lists];
    const related = parent !== child && this.#counts(parent, child);
    const shown = [...new Set(own)]
      .filter((list) => related || embedding.has(list) || this.#embeds(list, child))
      .flatMap((list) => this.target(list, known, `${why}, and its lists show or count ${child.name}`));
    return [...items, ...shown, ...this.#listsBelow(parent, child, known)];
  }

  /** Lists below a parent of what is written, or of what that shows: the labels of the issues of a milestone. */
  #listsBelow(parent: Resource, child: Resource, known: Known): DraftTarget[] {
    const { showing } = this.#model;
    const shown = new Set(child.items.flatMap((item) => showing.embeddedIn(item).map(({ resource }) => resource)));
    return parent.items.flatMap((item) =>
      (this.#byParent.get(item.shape) ?? [])
        .filter((path) => isDirectlyBelow(path, item))
        .filter((path) =>
          showing
            .embeddedIn(path)
            .some(({ isList, resource }) => isList && (resource === child.name || shown.has(resource))),
        )
        .flatMap((path) => this.target(path, known, `a list below its ${parent.name}`)),
    );
  }

  #embeds(path: ApiPath, child: Resource): boolean {
    return this.#model.showing.embeddedIn(path).some(({ resource }) => resource === child.name);
  }

  /** Whether it has a member such as `open_issues`. */
  #counts(parent: Resource, child: Resource): boolean {
    return [...parent.shape.properties.keys()].some((field) =>
      plainWord(field)
        .split('-')
        .some((word) => singular(word) === child.noun),
    );
  }

  /** Whether a resource shows another one, counts it, or has it below its paths. */
  #isRelated(parent: Resource, child: Resource): boolean {
    const { arrays, untagged, lists } = this.#model.showing.of(child);
    const has = [...child.items, ...child.collections, ...lists].some((path) =>
      parent.items.some((item) => isBelow(path, item)),
    );
    const shownIn = [...arrays, ...untagged, ...parent.items].filter((path) => parent.items.includes(path));
    return has || this.#counts(parent, child) || shownIn.some((path) => this.#embeds(path, child));
  }

  #lists(resource: Resource, known: Known, comment: string): DraftTarget[] {
    const { lists } = this.#model.showing.of(resource);
    const all = [...new Set([...resource.collections, ...lists])].filter(({ operations }) => operations.has('GET'));
    return [
      ...all.flatMap((list) => this.target(list, known, comment)),
      ...all.flatMap((list) => this.#listOfParent(list, resource, known)),
    ];
  }

  /** `/folders/{id}/items` shows a folder where the id is that of its parent. */
  #listOfParent(list: ApiPath, resource: Resource, known: Known): DraftTarget[] {
    const at = list.parts.findIndex(
      (part, i) => 'parameter' in part && this.#filler.ownerAt(list, i)?.resource === resource,
    );
    if (at < 0) return [];
    const parent = known.parent?.(this.#filler.ownerAt(list, at)?.key) ?? [];
    // Of a parent that is known, `#ofOwnKind` names the lists.
    if (parent.length > 0) return [];
    const path = known.path && { ...known.path, parts: known.path.parts.slice(0, at) };
    const unknown: Known = { path, resource: undefined, ids: nothing, others: known.others };
    return this.target(list, unknown, `it is unknown which ${resource.name} it is in`);
  }

  #showing(kind: 'untagged', resource: Resource, known: Known, comment: string): DraftTarget[] {
    return this.#model.showing.of(resource)[kind].flatMap((path) => this.target(path, known, comment));
  }

  /** Articles have a `tagList`, so a new article may be a new entry of `/tags`. */
  #loose(resource: Resource, known: Known): DraftTarget[] {
    const { document, showing } = this.#model;
    return [...resource.shape.properties]
      .filter(([, schema]) => shapeOf(document, schema).items !== undefined)
      .flatMap(([field]) =>
        showing
          .loose(nounOfField(field))
          .flatMap((path) => this.target(path, known, `${resource.name}.${field} is named like it`)),
      );
  }

  /** Reads below an item that are of no other resource: its content, its settings. */
  #parts(item: ApiPath, known: Known): DraftTarget[] {
    const owner = this.#model.owners.get(item);
    const members = new Set([...(owner?.shape.properties.keys() ?? [])].map((field) => plainWord(singular(field))));
    return (this.#byParent.get(item.shape) ?? [])
      .filter((path) => isDirectlyBelow(path, item))
      .filter((path) => !this.#model.owners.has(path) || members.has(nounOf(path) ?? ''))
      .flatMap((path) => this.target(path, known, 'a part of it'));
  }
}

const isDirectlyBelow = (path: ApiPath, item: ApiPath): boolean => {
  const rest = path.parts.slice(item.parts.length);
  return rest.every((part) => 'literal' in part);
};

/** The readable paths below each path that ends in a parameter, by its shape. */
function belowItems({ paths }: ApiModel): Map<string, ApiPath[]> {
  const found = new Map<string, ApiPath[]>();
  for (const path of paths) {
    if (!path.operations.has('GET')) continue;
    for (const [i, part] of path.parts.slice(0, -1).entries()) {
      if ('literal' in part) continue;
      const above = shapeUpTo(path, i + 1);
      const known = found.get(above);
      if (known === undefined) found.set(above, [path]);
      else known.push(path);
    }
  }
  return found;
}
