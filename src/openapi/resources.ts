import { answerSchema, type Shape, shapeOf } from './api-schema.ts';
import type { OpenApiDocument } from './document.ts';
import { unwrapped } from './envelope.ts';
import { hasMember, isLasting, keyOf, nounOf } from './keys.ts';
import { type ApiPath, byShape, operationsOf } from './operations.ts';
import { Known, referencesOf } from './references.ts';
import type { Described, Resource } from './resource.ts';
import { alike, grouped } from './similar.ts';
import { idOfWhat, plainWord, push, singular } from './words.ts';

/** The parameter at the end of a path. */
export function lastParameter({ parts }: ApiPath): string | undefined {
  const last = parts.at(-1);
  return last !== undefined && 'parameter' in last ? last.parameter : undefined;
}

export function lastLiteral({ parts }: ApiPath): string | undefined {
  const last = parts.at(-1);
  return last !== undefined && 'literal' in last ? last.literal : undefined;
}

const endsInParameter = ({ parts }: ApiPath): boolean => {
  const last = parts.at(-1);
  return last !== undefined && 'parameter' in last;
};
const above = ({ shape }: ApiPath): string => shape.slice(0, shape.lastIndexOf('/')) || '/';

/** The resource of which each path is the item or the collection. */
export function ownersOf(resources: ReadonlyMap<string, Resource>): ReadonlyMap<ApiPath, Resource> {
  const owners = new Map<ApiPath, Resource>();
  for (const resource of resources.values()) for (const path of resource.items) owners.set(path, resource);
  for (const resource of resources.values())
    for (const path of resource.collections) if (!owners.has(path)) owners.set(path, resource);
  return owners;
}

/** Resources with ids: `/steps/{id}` gives steps. */
export function findResources(document: OpenApiDocument, paths: readonly ApiPath[]): ReadonlyMap<string, Resource> {
  const shapes = byShape(paths);
  const parents = new Set(paths.filter(endsInParameter).map(above));
  const items = new Map<string, ApiPath[]>();
  for (const path of paths) {
    const noun = nounOf(path);
    if (!endsInParameter(path) || noun === undefined) continue;
    // `/items/{collection}` is a list, and `/items/{collection}/{id}` an item of it.
    if (isBareList(document, path) || (parents.has(path.shape) && isList(document, path))) continue;
    const found = items.get(noun);
    if (found === undefined) items.set(noun, [path]);
    else found.push(path);
  }
  const described = [...items].flatMap(([noun, found]) => describedGroups(document, noun, found, shapes));
  const resources = new Map(withCollections(document, described, paths).map((each) => [each.name, each]));
  const known = new Known([...resources.values()]);
  return new Map([...resources].map(([name, each]) => [name, { ...each, ...referencesOf(document, each, known) }]));
}

/** An array without an envelope: what has one may be a representation with an array in it. */
function isBareList(document: OpenApiDocument, path: ApiPath): boolean {
  const read = path.operations.get('GET');
  return read !== undefined && shapeOf(document, answerSchema(document, read)).items !== undefined;
}

function isList(document: OpenApiDocument, path: ApiPath): boolean {
  return representation(document, path, ['GET']).items !== undefined;
}

/** What the first of these operations that tells answers, without its envelope. */
function representation(document: OpenApiDocument, path: ApiPath, methods: readonly string[]): Shape {
  const shapes = operationsOf(path, methods).map((operation) =>
    shapeOf(document, unwrapped(document, answerSchema(document, operation)).schema),
  );
  return (
    shapes.find(({ properties, items }) => properties.size > 0 || items !== undefined) ?? shapeOf(document, undefined)
  );
}

/** One resource for each kind of representation that paths with one noun have. */
function describedGroups(
  document: OpenApiDocument,
  noun: string,
  items: readonly ApiPath[],
  shapes: ReadonlyMap<string, ApiPath>,
): Described[] {
  const shapeFor = (path: ApiPath): Shape => {
    const own = representation(document, path, ['GET', 'PUT', 'PATCH', 'POST']);
    if (own.items === undefined && own.properties.size > 0) return own;
    const list = shapes.get(above(path));
    const listed = list === undefined ? undefined : representation(document, list, ['GET', 'POST']);
    return shapeOf(document, listed?.items);
  };
  const groups = grouped(items.map((path) => ({ path, shape: shapeFor(path) })));
  return groups.map((group, i): Described => {
    const paths = group.map(({ path }) => path);
    const shape = group.find(({ shape: each }) => each.properties.size > 0)?.shape ?? shapeOf(document, undefined);
    const keys = new Map(
      group.map(({ path, shape: own }) => [path, keyOf(document, path, own.properties.size > 0 ? own : shape, noun)]),
    );
    const wrapper = paths
      .flatMap((path) => operationsOf(path, ['GET', 'PUT', 'PATCH']))
      .map((operation) => unwrapped(document, answerSchema(document, operation)))
      .find(({ schema }) => shapeOf(document, schema).properties.size > 0)?.path;
    return {
      name: i === 0 ? noun : `${parentNoun(paths) ?? 'other'}-${noun}${i === 1 ? '' : `-${i}`}`,
      noun,
      items: paths,
      collections: [],
      shape,
      schemas: new Set(group.flatMap(({ shape: each }) => each.own)),
      wrapper: wrapper ?? '',
      idField: idFieldOf(document, shape, keys, noun),
      keys,
    };
  });
}

function parentNoun(paths: readonly ApiPath[]): string | undefined {
  const literals = paths[0]?.parts.flatMap((part) => ('literal' in part ? [plainWord(singular(part.literal))] : []));
  return literals?.filter((word) => word !== '').at(-2);
}

/** The member that most paths are made of, or else an id that every representation has. */
function idFieldOf(
  document: OpenApiDocument,
  shape: Shape,
  keys: ReadonlyMap<ApiPath, string | undefined>,
  noun: string,
): string | undefined {
  const counts = new Map<string, number>();
  for (const key of keys.values())
    if (key !== undefined && hasMember(document, shape, key)) counts.set(key, (counts.get(key) ?? 0) + 1);
  const [most] = [...counts].sort(([a, m], [b, n]) => n - m || Number(isLasting(b)) - Number(isLasting(a)));
  if (most !== undefined) return most[0];
  const own = [...shape.properties.keys()].find((field) => idOfWhat(field)?.resource === noun);
  return ['id', '_id', 'uuid'].find((field) => shape.properties.has(field)) ?? own;
}

function withCollections(
  document: OpenApiDocument,
  described: readonly Described[],
  paths: readonly ApiPath[],
): Described[] {
  const shapes = byShape(paths);
  const isItem = new Set(described.flatMap(({ items }) => items));
  const collections = new Map(described.map(({ name }) => [name, new Set<ApiPath>()]));
  for (const { name, items } of described) {
    for (const item of items) {
      const list = shapes.get(above(item));
      if (list !== undefined && !isItem.has(list)) collections.get(name)?.add(list);
    }
  }
  const byNoun = new Map<string, Described[]>();
  for (const each of described) push(byNoun, each.noun, each);
  // `/steps/{id}/accommodations`, if single items have another path.
  for (const path of paths) {
    const literal = lastLiteral(path);
    if (literal === undefined || isItem.has(path)) continue;
    const noun = plainWord(singular(literal));
    const same = byNoun.get(noun) ?? [];
    if (same.some(({ name }) => collections.get(name)?.has(path))) continue;
    const shape = shapeOf(document, representation(document, path, ['GET', 'POST']).items);
    const chosen = same.find((each) => alike(shape, each.shape)) ?? nearest(same, path);
    if (chosen !== undefined) collections.get(chosen.name)?.add(path);
  }
  return described.map((each) => {
    const own = [...(collections.get(each.name) ?? [])];
    const listed = own.flatMap((path) => shapeOf(document, representation(document, path, ['GET']).items).own);
    return { ...each, collections: own, schemas: new Set([...each.schemas, ...listed]) };
  });
}

/** The resource whose paths begin like this one. */
function nearest(resources: readonly Described[], path: ApiPath): Described | undefined {
  const common = ({ items }: Described): number =>
    Math.max(
      ...items.map(({ shape }) => {
        const a = shape.split('/');
        const b = path.shape.split('/');
        const first = a.findIndex((part, i) => part !== b[i]);
        return first < 0 ? a.length : first;
      }),
    );
  return resources.toSorted((a, b) => common(b) - common(a))[0];
}
