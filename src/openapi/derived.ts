import { type Shape, shapeOf } from './api-schema.ts';
import type { OpenApiDocument } from './document.ts';
import { isLasting } from './keys.ts';
import { nounOfField } from './references.ts';
import type { Resource } from './resource.ts';
import { idOfWhat, plainWord } from './words.ts';

/** A resource that members are copied from: `author_name` next to `author: 7`. */
export interface Derived {
  readonly resource: Resource;
  /** The member with its id; undefined if there is none. */
  readonly idMember: string | undefined;
  /** The copied member. */
  readonly member: string;
}

/** What the end of a name says that is not taken from the other resource. */
const ofItself =
  /^(?:ids?|uuids?|guids?|gids?|sids?|oids?|pks?|url|uri|href|links?|types?|kind|counts?|numbers?|at|on|date|until)$/;

/**
 * The resources that an object has members of, by their names. Next to an id, any `author_…` may be one. Without an
 * id it has to be a member that authors have.
 */
export function derivedIn(
  document: OpenApiDocument,
  { properties }: Shape,
  byNoun: ReadonlyMap<string, readonly Resource[]>,
): Derived[] {
  const found = new Map<Resource, Derived>();
  for (const member of properties.keys()) {
    const words = plainWord(member).split('-');
    if (words.length < 2 || idOfWhat(member) !== undefined || ofItself.test(words.at(-1) ?? '')) continue;
    for (let k = words.length - 1; k > 0; k--) {
      const noun = words.slice(0, k).join('-');
      const named = byNoun.get(noun);
      if (named === undefined) continue;
      const rest = words.slice(k).join('-');
      for (const resource of named) {
        const idMember = idMemberOf(document, properties, resource);
        const isItsOwn = [...resource.shape.properties.keys()].some((each) => plainWord(each) === rest);
        if (found.has(resource) || (idMember === undefined && !isItsOwn)) continue;
        found.set(resource, { resource, idMember, member });
      }
      break;
    }
  }
  return [...found.values()];
}

/** `author`, `author_id`: a plain value, if ids are what paths of the resource are made of. */
function idMemberOf(
  document: OpenApiDocument,
  properties: Shape['properties'],
  { noun, idField, shape }: Resource,
): string | undefined {
  if (idField === undefined || !isLasting(idField) || idField === 'number') return undefined;
  const id = shapeOf(document, shape.properties.get(idField)).scalar;
  return [...properties].find(([name, schema]) => {
    if (nounOfField(name) !== noun) return false;
    const { scalar, items, properties: inner } = shapeOf(document, schema);
    if (items !== undefined || inner.size > 0) return false;
    return idOfWhat(name) !== undefined || (scalar !== undefined && scalar === id);
  })?.[0];
}
