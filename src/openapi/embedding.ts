import { shapeOf } from './api-schema.ts';
import type { OpenApiDocument } from './document.ts';
import type { Resource } from './resources.ts';
import { plainWord, singular } from './words.ts';

/** A resource embedded in a response, with the place of its id. */
export interface Embedding {
  readonly resource: string;
  /** JSONPath without its `$`: `.accommodations[*].id`, or `['lastPost', :0].id` if it may be absent. */
  readonly path: string;
  /** For people: `accommodations[*]` */
  readonly place: string;
  /** Why it is assumed to be one. */
  readonly because: string;
}

/** Nested objects: trips with their steps with their accommodations. */
const MAX_DEPTH = 5;
/** Members visited per response: recursive schemas never end. */
const MAX_VISITED = 2_000;

const optional = /\['(\w+)', :0\]/g;

/** Finds what responses embed, by referenced schemas or, without them, by names. */
export class Embeddings {
  readonly #document: OpenApiDocument;
  readonly #resources: ReadonlyMap<string, Resource>;
  /** Schema name → the resource that it describes. */
  readonly #described = new Map<string, string>();
  /** Schemas that several resources inherit from: they do not identify a resource. */
  readonly #shared = new Set<string>();

  constructor(document: OpenApiDocument, resources: ReadonlyMap<string, Resource>) {
    this.#document = document;
    this.#resources = resources;
    for (const { name, shape } of resources.values()) {
      for (const schema of shape.names) {
        if (this.#described.has(schema)) this.#shared.add(schema);
        this.#described.set(schema, name);
      }
    }
    for (const schema of this.#shared) this.#described.delete(schema);
  }

  /** The resource of a schema, with its wrapper. */
  described(names: readonly string[]): Resource | undefined {
    const reference = names.find((name) => this.#described.has(name));
    return reference === undefined ? undefined : this.#resources.get(this.#described.get(reference) ?? '');
  }

  /** @param own the resource of the response itself, whose own id does not count as embedded */
  of(schema: unknown, own: string | undefined): Embedding[] {
    const found = new Map<string, Embedding>();
    let visited = 0;
    const visit = (inner: unknown, path: string, names: ReadonlySet<string>, depth: number): void => {
      if (depth > MAX_DEPTH || ++visited > MAX_VISITED) return;
      const shape = shapeOf(this.#document, inner);
      // A category that embeds its category, and so on. A common base schema is no cycle.
      const telling = shape.names.filter((name) => !this.#shared.has(name));
      if (telling.some((name) => names.has(name))) return;
      const seen = new Set([...names, ...telling]);
      if (shape.items !== undefined) visit(shape.items, `${path}[*]`, seen, depth + 1);
      for (const [field, property] of shape.properties) {
        if (!/^[A-Za-z_][A-Za-z0-9_]*$/.test(field)) continue;
        const isOptional = this.#document.tellsRequired && !shape.required.has(field);
        // A slice of an object selects nothing. With a slice, selecting nothing is an empty result, not a missing
        // field.
        const below = `${path}${isOptional ? `['${field}', :0]` : `.${field}`}`;
        const embedding = this.#embedded(field, property, below);
        if (embedding !== undefined && embedding.resource !== own) found.set(embedding.path, embedding);
        visit(property, below, seen, depth + 1);
      }
    };
    const { items } = shapeOf(this.#document, schema);
    const root = items === undefined ? undefined : this.#embedded('', items, '[*]');
    if (root !== undefined && root.resource !== own) found.set(root.path, root);
    visit(schema, '', new Set(), 0);
    return [...found.values()];
  }

  #embedded(field: string, schema: unknown, path: string): Embedding | undefined {
    const outer = shapeOf(this.#document, schema);
    const isList = outer.items !== undefined;
    const inner = isList ? shapeOf(this.#document, outer.items) : outer;
    const reference = inner.names.find((name) => this.#described.has(name));
    const name = reference === undefined ? plainWord(isList ? singular(field) : field) : this.#described.get(reference);
    const resource = name === undefined ? undefined : this.#resources.get(name);
    if (resource === undefined || !inner.properties.has(resource.idField)) return undefined;
    const because =
      reference === undefined ? `by its name and its ${resource.idField}` : `$ref ${reference.split('/').at(-1)}`;
    const whole = `${path}${isList ? '[*]' : ''}`;
    const place = whole.replaceAll(optional, '.$1').replace(/^\./, '');
    return { resource: resource.name, path: `${whole}.${resource.idField}`, place, because };
  }
}
