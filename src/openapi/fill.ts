import type { ApiModel } from './draft-model.ts';
import { keyOf, nounOf } from './keys.ts';
import { type ApiPath, namesIn, shapeUpTo, templateOf } from './operations.ts';
import type { Resource } from './resource.ts';
import { plainWord, push } from './words.ts';

/** Sources of the ids of a resource, by the member that a path or a tag needs. Empty if they are unknown. */
export type Ids = (key: string | undefined) => readonly string[];

/** Where a write has the ids of other resources, by the names of these. */
export type Others = ReadonlyMap<string, { readonly ids: Ids; readonly why: string }>;

/** What is known about a write: the sources of the ids that its targets need. */
export interface Known {
  /** The path of the write. What begins like it has the same parameters. */
  readonly path: ApiPath | undefined;
  readonly resource: Resource | undefined;
  /** Of what is written. */
  readonly ids: Ids;
  readonly others: Others;
  /** Of the one of the same kind that it is in: the parent of a folder. */
  readonly parent?: Ids;
}

export const nothing: Ids = () => [];

/** Fills paths with what is known about a write. */
export class Filler {
  readonly #model: ApiModel;
  readonly #shapes: ReadonlyMap<string, ApiPath>;
  readonly #byNoun = new Map<string, Resource[]>();
  readonly #owners = new Map<string, { resource: Resource; key: string | undefined } | undefined>();

  constructor(model: ApiModel, shapes: ReadonlyMap<string, ApiPath>) {
    this.#model = model;
    this.#shapes = shapes;
    for (const resource of model.resources.values()) push(this.#byNoun, resource.noun, resource);
  }

  /** A path with each parameter replaced by its sources. */
  fill(path: ApiPath, known: Known): string {
    return `/${path.parts.map((_, i) => this.#segment(path, i, known)).join('/')}`;
  }

  /** What is below a path: without an ending, which only the path itself has. */
  fillBelow(path: ApiPath, known: Known): string {
    const last = path.parts.length - 1;
    const sources = this.#sourcesOf(path, last, known);
    const begin = path.parts.slice(0, -1).map((_, i) => this.#segment(path, i, known));
    return `/${[...begin, sources.length === 0 ? '*' : inBraces(sources)].join('/')}/**`;
  }

  #segment(path: ApiPath, i: number, known: Known): string {
    const part = path.parts[i];
    if (part === undefined) return '*';
    const names = namesIn(part.text);
    if ('literal' in part) return names.length === 0 ? part.text : '*';
    if (part.parameter === undefined) return (known.path && sharedText(known.path, path, i)) ?? '*';
    const sources = this.#sourcesOf(path, i, known);
    // Of `:id.:format`, every format.
    return sources.length === 0 || names.length > 1
      ? '*'
      : part.text.replace(`:${part.parameter}`, () => inBraces(sources));
  }

  #sourcesOf(path: ApiPath, i: number, known: Known): readonly string[] {
    const owner = this.ownerAt(path, i);
    if (owner !== undefined && owner.resource === known.resource) {
      const ids = known.ids(owner.key);
      if (ids.length > 0) return ids;
    }
    const shared = known.path === undefined ? undefined : sharedParameter(known.path, path, i);
    const named = owner === undefined ? [] : (known.others.get(owner.resource.name)?.ids(owner.key) ?? []);
    return shared === undefined ? named : [shared, ...named.filter((each) => each !== shared)];
  }

  /** The resource that a parameter of a path identifies, and by which member. */
  ownerAt(path: ApiPath, i: number): { resource: Resource; key: string | undefined } | undefined {
    const shape = shapeUpTo(path, i + 1);
    const part = path.parts[i];
    // What ends here tells; else the name of the parameter does.
    const key = `${shape} ${part !== undefined && 'parameter' in part ? part.written : ''}`;
    if (this.#owners.has(key)) return this.#owners.get(key);
    const owner = this.#findOwner(path, i, shape);
    this.#owners.set(key, owner);
    return owner;
  }

  #findOwner(path: ApiPath, i: number, shape: string): { resource: Resource; key: string | undefined } | undefined {
    const item = this.#shapes.get(shape);
    const resource = item && this.#model.owners.get(item);
    if (item && resource?.keys.has(item)) return { resource, key: resource.keys.get(item) };
    // No path ends here. The first parameter of `/repos/{owner}/{repo}` is not the id of a repository.
    const before = path.parts[i - 1];
    const after = path.parts[i + 1];
    if (before === undefined || !('literal' in before) || (after !== undefined && !('literal' in after)))
      return undefined;
    const parts = path.parts.slice(0, i + 1);
    const part = path.parts[i];
    const written = part !== undefined && 'parameter' in part ? plainWord(part.written ?? '') : '';
    // `/items/{collection}` is of a collection; `/items/{item_id}` and `/items/{id}` are of an item.
    for (const noun of [written, written.replace(/-(?:id|uuid|slug|name|key)$/, ''), nounOf({ parts })]) {
      const named = this.#byNoun.get(noun ?? '') ?? [];
      const [only] = named;
      if (only === undefined || named.length > 1) continue;
      return { resource: only, key: keyOf(this.#model.document, { ...path, parts }, only.shape, only.noun) };
    }
    return undefined;
  }
}

/** The parameter at a place where two paths have been the same so far. */
function sharedParameter(from: ApiPath, to: ApiPath, i: number): string | undefined {
  if (shapeUpTo(from, i + 1) !== shapeUpTo(to, i + 1)) return undefined;
  const part = from.parts[i];
  return part !== undefined && 'parameter' in part ? part.parameter : undefined;
}

/** `{base}-{head}`, where two paths have the same such segment. */
function sharedText(from: ApiPath, to: ApiPath, i: number): string | undefined {
  if (shapeUpTo(from, i + 1) !== shapeUpTo(to, i + 1)) return undefined;
  const text = from.parts[i]?.text;
  return text === undefined || text === '*' ? undefined : templateOf({ pattern: text });
}

const inBraces = (sources: readonly string[]): string => `{${[...new Set(sources)].join(', ')}}`;
