import { type Shape, shapeOf } from './api-schema.ts';
import type { OpenApiDocument } from './document.ts';
import { hasMember, isLasting } from './keys.ts';
import type { Described, Reference } from './resource.ts';
import { idOfWhat, plainWord, push, singular } from './words.ts';

/** The fields that refer to other resources, and those that only seem to. */
export function referencesOf(
  document: OpenApiDocument,
  { shape, name: own, noun }: Described,
  known: Known,
): { references: Reference[]; untied: string[] } {
  const references: Reference[] = [];
  const untied: string[] = [];
  for (const [field, schema] of shape.properties) {
    if (!/^[A-Za-z_][A-Za-z0-9_]*$/.test(field)) continue;
    const { named, isNamedId, many } = meaningOf(field, known);
    const inner = shapeOf(document, schema);
    const element = inner.items === undefined ? undefined : shapeOf(document, inner.items);
    // `parent`, `parentId`: of the same kind.
    const isParent = /^parent(?:[_-]?id)?$/i.test(field) && !known.byNoun.has('parent');
    const described = known.describedBy(inner);
    // An array of objects would be embedded children.
    if (element !== undefined && element.properties.size > 0 && element.scalar === undefined) continue;
    const isObject = inner.properties.size > 0 && inner.scalar === undefined;
    // `comments: 3` counts them.
    const isCount = !isNamedId && element === undefined && !isObject && singular(field) !== field;
    const self =
      isParent && described.length === 0 ? (known.byNoun.get(noun) ?? []).filter((each) => each.name === own) : [];
    for (const other of new Set([...(isObject ? described : []), ...(isCount ? [] : named), ...self])) {
      const place = many || element !== undefined ? `${field}[*]` : field;
      const pathTo = isObject
        ? objectPath(document, inner, field)
        : scalarPath(document, other, place, { isNamedId, scalar: (element ?? inner).scalar });
      const keys = [...other.keys.values(), other.idField];
      if (keys.some((key) => pathTo(key) !== undefined))
        references.push({ resource: other.name, field: place, isNamed: named.includes(other), isObject, pathTo });
      else if (other.name !== own) untied.push(field);
    }
  }
  return { references, untied: [...new Set(untied)] };
}

/** Resources by what fields and schemas call them. */
export class Known {
  readonly byNoun = new Map<string, Described[]>();
  readonly #bySchema = new Map<string, Described[]>();
  readonly #inheriting = new Map<string, Described[]>();

  constructor(resources: readonly Described[]) {
    for (const each of resources) {
      for (const word of new Set([each.noun, each.name])) push(this.byNoun, word, each);
      for (const schema of each.schemas) push(this.#bySchema, schema, each);
      for (const schema of each.shape.names) push(this.#inheriting, schema, each);
    }
  }

  /** The resources that a schema describes: by its name, or because only they inherit from it. */
  describedBy({ own }: Shape): readonly Described[] {
    const exact = [...new Set(own.flatMap((each) => this.#bySchema.get(each) ?? []))];
    if (exact.length > 0) return exact;
    const inheriting = [...new Set(own.flatMap((each) => this.#inheriting.get(each) ?? []))];
    return inheriting.length === 1 ? inheriting : [];
  }
}

interface Meaning {
  readonly named: readonly Described[];
  /** `stepId`, and not only `step`. */
  readonly isNamedId: boolean;
  readonly many: boolean;
}

function meaningOf(field: string, known: Known): Meaning {
  const id = idOfWhat(field);
  const noun = nounOfField(field);
  // `home_step_id` refers to a step, if nothing else is called so.
  const exact = known.byNoun.get(noun) ?? [];
  const tail = noun.slice(noun.lastIndexOf('-') + 1);
  const named = exact.length > 0 || id === undefined ? exact : (known.byNoun.get(tail) ?? []);
  return { named, isNamedId: id !== undefined, many: id?.many === true };
}

/** `stepIds` → `step`, `tagList` → `tag`. */
export const nounOfField = (field: string): string =>
  idOfWhat(field)?.resource ?? plainWord(singular(field.replace(/(?:_list|List)$/, '')));

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
