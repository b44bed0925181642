import { type Shape, shapeOf } from './api-schema.ts';
import { derivedIn } from './derived.ts';
import type { OpenApiDocument } from './document.ts';
import { unwrapped } from './envelope.ts';
import { hasMember } from './keys.ts';
import type { Resource } from './resource.ts';
import { plainWord, push, singular } from './words.ts';

/** A resource embedded in a response, with the place of its id. */
export interface Embedding {
  readonly resource: string;
  /**
   * JSONPath without its `$`: `.accommodations[*].id`, or `['lastPost', :0].id` if it may be absent. Undefined if what
   * is embedded has no member that identifies it.
   */
  readonly path: string | undefined;
  /** For people: `accommodations[*]` */
  readonly place: string;
  /** Why it is assumed to be one. */
  readonly because: string;
  /** Any number of them. */
  readonly isMany: boolean;
  /** The response is a list of them, in an envelope or not. */
  readonly isList: boolean;
}

/** Nested objects: trips with their steps with their accommodations. */
const MAX_DEPTH = 5;
/** Members visited per response: recursive schemas never end. */
const MAX_VISITED = 2_000;

const optional = /\['(\w+)', :0\]/g;
const mixed = /\[\?@\.[\w.]+\]/g;

interface Visit {
  readonly path: string;
  readonly place: string;
  readonly names: ReadonlySet<string>;
  readonly depth: number;
}

/** Finds what responses embed, by referenced schemas or, without them, by names. */
export class Embeddings {
  readonly #document: OpenApiDocument;
  readonly #byNoun = new Map<string, Resource[]>();
  /** Schema name → the resources that it describes. */
  readonly #described = new Map<string, Resource[]>();
  /** Schemas that several resources inherit from: they do not identify a resource. */
  readonly #shared = new Set<string>();

  constructor(document: OpenApiDocument, resources: ReadonlyMap<string, Resource>) {
    this.#document = document;
    const inherited = new Map<string, Resource>();
    for (const resource of resources.values()) {
      push(this.#byNoun, resource.noun, resource);
      for (const schema of resource.schemas) push(this.#described, schema, resource);
      for (const schema of resource.shape.names) {
        if (resource.schemas.has(schema)) continue;
        if (inherited.has(schema)) this.#shared.add(schema);
        inherited.set(schema, resource);
      }
    }
    for (const [schema, resource] of inherited)
      if (!this.#shared.has(schema) && !this.#described.has(schema)) this.#described.set(schema, [resource]);
    for (const [schema, several] of this.#described) {
      // `User` describes users, and the members of a team by the way.
      const word = plainWord(
        schema
          .split('/')
          .at(-1)
          ?.replace(/\.\w+$/, '') ?? '',
      );
      const meant = several.filter(
        ({ noun }) => word === noun || word.endsWith(`-${noun}`) || word.startsWith(`${noun}-`),
      );
      if (several.length > 1 && meant.length > 0) this.#described.set(schema, meant);
    }
  }

  /** The resources that a schema describes, in full or in short. */
  described({ own, names }: Pick<Shape, 'own' | 'names'>): readonly Resource[] {
    const found = new Set(own.flatMap((name) => this.#described.get(name) ?? []));
    if (found.size > 0) return [...found];
    const name = names.find((each) => this.#described.has(each));
    return name === undefined ? [] : (this.#described.get(name) ?? []);
  }

  /** Whether a schema is that of a resource. */
  isDescribing(schema: string): boolean {
    return this.#described.has(schema);
  }

  /** @param own the resource of the response itself, whose own id does not count as embedded */
  of(schema: unknown, own: string | undefined): Embedding[] {
    const found = new Map<string, Embedding>();
    let visited = 0;
    const { path: wrapper } = unwrapped(this.#document, schema);
    const visit = (inner: unknown, { path, place, names, depth }: Visit): void => {
      if (depth > MAX_DEPTH || ++visited > MAX_VISITED) return;
      const shape = shapeOf(this.#document, inner);
      // A category that embeds its category, and so on. A common base schema is no cycle.
      const telling = shape.own.filter((name) => !this.#shared.has(name));
      if (telling.some((name) => names.has(name))) return;
      const seen = new Set([...names, ...telling]);
      if (shape.items !== undefined) {
        visit(shape.items, { path: `${path}[*]`, place: `${place}[*]`, names: seen, depth: depth + 1 });
      }
      for (const { resource, idMember, member } of derivedIn(this.#document, shape, this.#byNoun)) {
        if (resource.name === own) continue;
        const isOptional = idMember !== undefined && this.#document.tellsRequired && !shape.required.has(idMember);
        const id = idMember === undefined ? undefined : `${path}${isOptional ? `['${idMember}', :0]` : `.${idMember}`}`;
        const at = place === '' ? member : `${place}.${member}`;
        put(found, { ...derived(resource, at), path: id });
      }
      for (const [field, property] of shape.properties) {
        if (!/^[A-Za-z_][A-Za-z0-9_]*$/.test(field)) continue;
        const isOptional = this.#document.tellsRequired && !shape.required.has(field);
        const outer = shapeOf(this.#document, property);
        // A slice of an object selects nothing. With a slice, selecting nothing is an empty result, not a missing
        // field.
        const below = `${path}${isOptional ? `['${field}', :0]` : `.${field}`}`;
        const at = place === '' ? field : `${place}.${field}`;
        for (const embedding of this.#embedded(field, outer, { path: below, parent: path, place: at })) {
          const isOwn = embedding.resource === own && at === wrapper && !embedding.isMany;
          if (!isOwn) put(found, { ...embedding, isList: embedding.isMany && at === wrapper });
        }
        // Below what may be a plain id, nothing can be named.
        const isPlain = outer.scalar !== undefined && outer.properties.size > 0;
        if (!isPlain) {
          visit(property, { path: below, place: at, names: seen, depth: depth + 1 });
        }
      }
    };
    const shape = shapeOf(this.#document, schema);
    if (shape.items !== undefined) {
      for (const embedding of this.#embedded('', shape, { path: '', parent: '', place: '' }))
        put(found, { ...embedding, isList: true });
    }
    visit(schema, { path: '', place: '', names: new Set(), depth: 0 });
    return [...found.values()];
  }

  #embedded(
    field: string,
    outer: Shape,
    at: { readonly path: string; readonly parent: string; readonly place: string },
  ): Omit<Embedding, 'isList'>[] {
    const isMany = outer.items !== undefined;
    const inner = isMany ? shapeOf(this.#document, outer.items) : outer;
    if (inner.properties.size === 0) return [];
    const described = this.described(inner);
    const word = plainWord(isMany ? singular(field) : field);
    const named = this.#byNoun.get(word) ?? [];
    const place = `${at.place}${isMany ? '[*]' : ''}`;
    return (described.length > 0 ? described : named).map(({ name, idField }) => {
      const has = idField !== undefined && hasMember(this.#document, inner, idField);
      const because = described.length > 0 ? `$ref ${shortName(inner)}` : `by its name and its ${idField ?? 'place'}`;
      const path = has ? idPath(at, { isMany, isPlain: inner.scalar !== undefined, idField }) : undefined;
      return { resource: name, path, place, because, isMany };
    });
  }
}

const derived = ({ name }: Resource, place: string): Omit<Embedding, 'path'> => ({
  ...{ resource: name, place, because: `the name of ${place.split('.').at(-1)}`, isMany: false, isList: false },
});

/** Where a value is an id or an object, a filter selects the id of the object, and nothing from an id. */
function idPath(
  { path, parent }: { readonly path: string; readonly parent: string },
  { isMany, isPlain, idField }: { readonly isMany: boolean; readonly isPlain: boolean; readonly idField: string },
): string {
  if (!isPlain) return `${path}${isMany ? '[*]' : ''}.${idField}`;
  return `${isMany ? path : parent}[?@.${idField}].${idField}`;
}

const shortName = ({ own, names }: Shape): string => (own[0] ?? names[0] ?? '').split('/').at(-1) ?? '';

/** The place of an embedding in words: `accommodations[*]`. */
export const inWords = (path: string): string =>
  path.replaceAll(optional, '.$1').replaceAll(mixed, '').replace(/^\./, '');

function put(found: Map<string, Embedding>, embedding: Embedding): void {
  found.set(`${embedding.resource} ${embedding.path ?? embedding.place}`, embedding);
}
