import { answerSchema, type Shape, shapeOf, unwrapped } from './api-schema.ts';
import type { OpenApiDocument } from './document.ts';
import { type ApiPath, operationsOf } from './operations.ts';
import { idOfWhat, plainWord, singular } from './words.ts';

/** A resource type with ids, and the paths of its items and collections. */
export interface Resource {
  /** `order-item` */
  readonly name: string;
  /** `/steps/:id`, `/trips/:tripId/steps/:id` */
  readonly items: readonly ApiPath[];
  /** `/steps`, `/trips/:tripId/steps` */
  readonly collections: readonly ApiPath[];
  readonly shape: Shape;
  /** The wrapper of the representation in a response: `data`, or nothing. */
  readonly wrapper: string;
  /** The member that identifies it in paths. */
  readonly idField: string;
  /** Fields with the ids of other resources. */
  readonly references: readonly Reference[];
}

export interface Reference {
  readonly resource: string;
  /** `stepId`, `step.id`, `stepIds[*]` */
  readonly path: string;
}

/** The parameter at the end of a path. */
export function lastParameter({ parts }: ApiPath): string | undefined {
  const last = parts.at(-1);
  return last !== undefined && 'parameter' in last ? last.parameter : undefined;
}

export function lastLiteral({ parts }: ApiPath): string | undefined {
  const last = parts.at(-1);
  return last !== undefined && 'literal' in last ? last.literal : undefined;
}

const above = ({ pattern }: ApiPath): string => pattern.slice(0, pattern.lastIndexOf('/')) || '/';

/** The resource of which each path is the item or the collection. */
export function ownersOf(resources: ReadonlyMap<string, Resource>): ReadonlyMap<ApiPath, Resource> {
  const owners = new Map<ApiPath, Resource>();
  for (const resource of resources.values()) {
    for (const path of [...resource.items, ...resource.collections]) if (!owners.has(path)) owners.set(path, resource);
  }
  return owners;
}

/** Resources with ids: `/steps/{id}` gives steps. */
export function findResources(document: OpenApiDocument, paths: readonly ApiPath[]): ReadonlyMap<string, Resource> {
  const items = new Map<string, ApiPath[]>();
  for (const path of paths) {
    const owner = path.parts.at(-2);
    if (lastParameter(path) === undefined || owner === undefined || !('literal' in owner)) continue;
    const name = plainWord(singular(owner.literal));
    const known = items.get(name);
    if (known === undefined) items.set(name, [path]);
    else known.push(path);
  }
  const byPattern = new Map(paths.map((path) => [path.pattern, path]));
  const collections = new Map<string, Set<ApiPath>>();
  for (const [name, found] of items) {
    const lists = found.flatMap((path) => byPattern.get(above(path)) ?? []);
    collections.set(name, new Set(lists));
  }
  // `/steps/{id}/accommodations`, if single items have another path.
  for (const path of paths) {
    const literal = lastLiteral(path);
    if (literal !== undefined) collections.get(plainWord(singular(literal)))?.add(path);
  }
  const described = new Map([...items].map(([name, found]) => [name, describe(document, name, found)]));
  return new Map(
    [...described].map(([name, { items: found, ...resource }]) => {
      const references = referencesOf(document, resource.shape, name, described);
      return [name, { name, items: found, collections: [...(collections.get(name) ?? [])], references, ...resource }];
    }),
  );
}

type Described = Pick<Resource, 'items' | 'shape' | 'wrapper' | 'idField'>;

function describe(document: OpenApiDocument, name: string, items: readonly ApiPath[]): Described {
  const answers = items
    .flatMap((path) => operationsOf(path, ['GET', 'PUT', 'PATCH']))
    .map((operation) => unwrapped(document, answerSchema(document, operation)));
  const found = answers.find(({ schema }) => shapeOf(document, schema).properties.size > 0);
  const shape = shapeOf(document, found?.schema);
  return { items, shape, wrapper: found?.path ?? '', idField: idFieldOf(shape, items, name) };
}

/** `/posts/{slug}` identifies posts by their slug, `/posts/{postId}` by their id. */
function idFieldOf({ properties }: Shape, items: readonly ApiPath[], name: string): string {
  const parameters = items.flatMap((path) => lastParameter(path) ?? []);
  const named = parameters.find((parameter) => properties.has(parameter) && idOfWhat(parameter) === undefined);
  if (named !== undefined) return named;
  const own = [...properties.keys()].find((field) => idOfWhat(field)?.resource === name);
  return ['id', '_id', 'uuid'].find((field) => properties.has(field)) ?? own ?? 'id';
}

function referencesOf(
  document: OpenApiDocument,
  { properties }: Shape,
  own: string,
  known: ReadonlyMap<string, Described>,
): Reference[] {
  return [...properties].flatMap(([field, schema]): Reference[] => {
    const named = idOfWhat(field);
    // `category_id` is useless if paths identify categories by their slug.
    const byId = /^(?:_?id|uuid)$|id$/i.test(known.get(named?.resource ?? '')?.idField ?? '-');
    if (named !== undefined && named.resource !== own && byId) {
      const isList = shapeOf(document, schema).items !== undefined;
      return [{ resource: named.resource, path: named.many || isList ? `${field}[*]` : field }];
    }
    // `step: {id}` is a parent; an array of objects would be embedded children.
    const resource = plainWord(field);
    const inner = shapeOf(document, schema);
    const id = known.get(resource)?.idField;
    if (resource === own || id === undefined || !inner.properties.has(id)) return [];
    return [{ resource, path: `${field}.${id}` }];
  });
}
