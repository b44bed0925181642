import { answerSchema, type Shape, shapeOf } from './api-schema.ts';
import type { OpenApiDocument } from './document.ts';
import type { Embedding, Embeddings } from './embedding.ts';
import { unwrapped } from './envelope.ts';
import type { ApiPath } from './operations.ts';
import type { Resource } from './resource.ts';
import { lastLiteral } from './resources.ts';
import { plainWord, singular } from './words.ts';

/** The routes whose responses contain a resource. */
export interface Shown {
  /** Lists of it: whatever is written, one of them may gain or lose an element. */
  readonly lists: readonly ApiPath[];
  /** What embeds it without a member that identifies it: no tag can name it. */
  readonly untagged: readonly ApiPath[];
  /** What embeds any number of it: what is new may be among them. */
  readonly arrays: readonly ApiPath[];
}

/** What responses show: the reverse of what they embed. */
export class Showing {
  readonly #embedded = new Map<ApiPath, readonly Embedding[]>();
  readonly #shown = new Map<string, { lists: ApiPath[]; untagged: ApiPath[]; arrays: ApiPath[] }>();
  /** Lists of what has no path of its own, such as `/tags`, by their noun. */
  readonly #loose = new Map<string, ApiPath[]>();

  constructor(
    document: OpenApiDocument,
    { paths, owners }: { readonly paths: readonly ApiPath[]; readonly owners: ReadonlyMap<ApiPath, Resource> },
    embeddings: Embeddings,
  ) {
    for (const path of paths) {
      const read = path.operations.get('GET');
      if (read === undefined) continue;
      const literal = lastLiteral(path);
      if (literal !== undefined && !owners.has(path)) {
        const noun = plainWord(singular(literal));
        this.#loose.set(noun, [...(this.#loose.get(noun) ?? []), path]);
      }
      const owner = owners.get(path);
      const schema = answerSchema(document, read);
      const found = embeddings.of(schema, owner?.items.includes(path) === true ? owner.name : undefined);
      this.#embedded.set(path, found);
      for (const embedding of found) this.#add(path, embedding);
      // What is no list, and describes a resource under another path: the latest release of a repository.
      const shape = shapeOf(document, unwrapped(document, schema).schema);
      for (const { name, idField, items } of shape.items === undefined ? embeddings.described(shape) : []) {
        if (!items.includes(path) && owner?.name !== name) this.#addRoot(path, name, idField, shape);
      }
    }
  }

  embeddedIn(path: ApiPath): readonly Embedding[] {
    return this.#embedded.get(path) ?? [];
  }

  of({ name }: Resource): Shown {
    return this.#entry(name);
  }

  loose(noun: string): readonly ApiPath[] {
    return this.#loose.get(noun) ?? [];
  }

  #add(path: ApiPath, { resource, path: tagged, isList, isMany }: Embedding): void {
    const entry = this.#entry(resource);
    if (isList) put(entry.lists, path);
    else if (isMany) put(entry.arrays, path);
    if (tagged === undefined && !isList) put(entry.untagged, path);
  }

  #addRoot(path: ApiPath, name: string, idField: string | undefined, { properties }: Shape): void {
    const entry = this.#entry(name);
    // Which one it shows can change with each write: the latest, the default one.
    put(entry.lists, path);
    if (idField === undefined || !properties.has(idField)) put(entry.untagged, path);
  }

  #entry(name: string): { lists: ApiPath[]; untagged: ApiPath[]; arrays: ApiPath[] } {
    const entry = this.#shown.get(name) ?? { lists: [], untagged: [], arrays: [] };
    this.#shown.set(name, entry);
    return entry;
  }
}

function put(paths: ApiPath[], path: ApiPath): void {
  if (!paths.includes(path)) paths.push(path);
}
