import { type Shape, shapeOf } from './api-schema.ts';
import type { OpenApiDocument } from './document.ts';
import { hasMember, isLasting } from './keys.ts';
import type { Described } from './resources.ts';
import { idOfWhat, plainWord, singular } from './words.ts';

/** A field with the id of another resource. */
export interface Reference {
  readonly resource: string;
  /** `stepId`, `step`, `stepIds[*]` */
  readonly field: string;
  /** Its name says so: `step`, and not `author`. */
  readonly isNamed: boolean;
  /** Where the field has a member of the other resource: `step.id` for `id`; undefined if it does not tell. */
  pathTo(key: string | undefined): string | undefined;
}

/** The fields that refer to other resources, and those that only seem to. */
export function referencesOf(
  document: OpenApiDocument,
  { shape, name: own, noun }: Described,
  known: readonly Described[],
): { references: Reference[]; untied: string[] } {
  const references: Reference[] = [];
  const untied: string[] = [];
  for (const [field, schema] of shape.properties) {
    if (!/^[A-Za-z_][A-Za-z0-9_]*$/.test(field)) continue;
    const { named, isNamedId, many } = meaningOf(field, known);
    const inner = shapeOf(document, schema);
    const element = inner.items === undefined ? undefined : shapeOf(document, inner.items);
    // `parent`, `parentId`: of the same kind.
    const isParent = /^parent(?:[_-]?id)?$/i.test(field) && !known.some((each) => each.noun === 'parent');
    const described = describedBy(inner, known);
    // An array of objects would be embedded children.
    if (element !== undefined && element.properties.size > 0 && element.scalar === undefined) continue;
    const isObject = inner.properties.size > 0 && inner.scalar === undefined;
    // `comments: 3` counts them.
    const isCount = !isNamedId && element === undefined && !isObject && singular(field) !== field;
    const self = isParent && described.length === 0 ? known.filter((each) => each.noun === noun && each.name === own) : [];
    for (const other of new Set([...(isObject ? described : []), ...(isCount ? [] : named), ...self])) {
      const place = many || element !== undefined ? `${field}[*]` : field;
      const pathTo = isObject
        ? objectPath(document, inner, field)
        : scalarPath(document, other, place, { isNamedId, scalar: (element ?? inner).scalar });
      const keys = [...other.keys.values(), other.idField];
      if (keys.some((key) => pathTo(key) !== undefined))
        references.push({ resource: other.name, field: place, isNamed: named.includes(other), pathTo });
      else if (other.name !== own) untied.push(field);
    }
  }
  return { references, untied: [...new Set(untied)] };
}

/** The resources that a schema describes: by its name, or because only they inherit from it. */
function describedBy({ own }: Shape, known: readonly Described[]): readonly Described[] {
  const exact = known.filter(({ schemas }) => own.some((each) => schemas.has(each)));
  if (exact.length > 0) return exact;
  const inheriting = known.filter(({ shape }) => own.some((each) => shape.names.includes(each)));
  return inheriting.length === 1 ? inheriting : [];
}

interface Meaning {
  readonly noun: string;
  readonly named: readonly Described[];
  /** `stepId`, and not only `step`. */
  readonly isNamedId: boolean;
  readonly many: boolean;
}

export function meaningOf(field: string, known: readonly Described[]): Meaning {
  const id = idOfWhat(field);
  const noun = id?.resource ?? plainWord(singular(field.replace(/(?:_list|List)$/, '')));
  // `home_step_id` refers to a step, if nothing else is called so.
  const exact = known.filter((each) => each.noun === noun || each.name === noun);
  const tail = noun.slice(noun.lastIndexOf('-') + 1);
  const named = exact.length > 0 || id === undefined ? exact : known.filter((each) => each.noun === tail);
  return { noun, named, isNamedId: id !== undefined, many: id?.many === true };
}

const objectPath =
  (document: OpenApiDocument, inner: Shape, field: string) =>
  (key: string | undefined): string | undefined =>
    key !== undefined && hasMember(document, inner, key) ? `${field}.${key}` : undefined;

/** `category_id` is useless if paths identify categories by their slug. */
const scalarPath =
  (
    document: OpenApiDocument,
    { shape }: Described,
    field: string,
    { isNamedId, scalar }: { readonly isNamedId: boolean; readonly scalar: string | undefined },
  ) =>
  (key: string | undefined): string | undefined => {
    if (key === undefined || !isLasting(key) || key === 'number') return undefined;
    if (isNamedId) return field;
    // `customer: "cus_1"` is a plain id, unless its type says that it is something else.
    const id = shapeOf(document, shape.properties.get(key)).scalar;
    return scalar !== undefined && id === scalar ? field : undefined;
  };
