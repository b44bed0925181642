import { answerOf, answerSchema, requestSchema, shapeOf, unwrapped } from './api-schema.ts';
import { type Mapping, mapping, type OpenApiDocument } from './document.ts';
import type { ApiModel } from './draft-model.ts';
import type { ApiPath } from './operations.ts';
import { lastLiteral, type Resource } from './resources.ts';
import { idOfWhat, plainWord, singular } from './words.ts';

/** Sources of ids, by the name of the resource. */
export type Others = ReadonlyMap<string, { readonly sources: readonly string[]; readonly why: string }>;

export const inside = (wrapper: string): string => (wrapper === '' ? '' : `${wrapper}.`);

/** Ids in a request: `request.post_ids[*]`. */
export interface Requested {
  readonly resource: Resource;
  readonly source: string;
  /** Several ids, which identify what is written. */
  readonly many: boolean;
}

/** Names of reads that use POST because a query would be too long. */
const reading = /^(?:search|query|find|filter|lookup|export|preview|validate|graphql|login|count)/i;

/** The fields of a request that contain ids. */
export function requestedIds(model: ApiModel, path: ApiPath, methods: readonly string[]): Requested[] {
  if (reading.test(lastLiteral(path) ?? '')) return [];
  const { document, resources } = model;
  const subject = subjectOf(model, path);
  return methods.flatMap((method): Requested[] => {
    const inner = unwrapped(document, requestSchema(document, path.operations.get(method) ?? {}));
    const shape = shapeOf(document, inner.schema);
    if (shape.items !== undefined) {
      const isId = shapeOf(document, shape.items).properties.size === 0;
      const source = `request${inner.path === '' ? '' : `.${inner.path}`}[*]`;
      return subject === undefined || !isId ? [] : [{ resource: subject, source, many: true }];
    }
    return [...shape.properties].flatMap(([field, schema]): Requested[] => {
      if (!/^[A-Za-z_][A-Za-z0-9_]*$/.test(field)) return [];
      const named = idOfWhat(field);
      const resource = /^(?:ids|uuids)$/i.test(field) ? subject : resources.get(named?.resource ?? '');
      const { items } = shapeOf(document, schema);
      if (resource === undefined || shapeOf(document, items).properties.size > 0) return [];
      const many = items !== undefined || named?.many !== false;
      return [{ resource, source: `request.${inside(inner.path)}${field}${many ? '[*]' : ''}`, many }];
    });
  });
}

/** The resource that `ids` refer to: `/posts/bulk-delete`. */
function subjectOf({ owners, resources }: ApiModel, path: ApiPath): Resource | undefined {
  const words = path.parts.flatMap((part) => ('literal' in part ? [plainWord(singular(part.literal))] : []));
  return owners.get(path) ?? words.flatMap((word) => resources.get(word) ?? []).at(-1);
}

/** The source of the id of what a POST created: the response body, or its Location. */
export function createdIds(document: OpenApiDocument, operation: Mapping, { wrapper, idField }: Resource): string {
  const schema = answerSchema(document, operation);
  const answer = unwrapped(document, schema);
  const location = 'responseHeader.location[-1]';
  const headers = Object.keys(mapping(answerOf(document, operation).headers));
  const isLocated = headers.some((name) => name.toLowerCase() === 'location');
  if (shapeOf(document, answer.schema).properties.has(idField)) return `response.${inside(answer.path)}${idField}`;
  if (isLocated) return location;
  const guess = `response.${inside(wrapper)}${idField}`;
  return schema === undefined ? `${guess}, ${location}` : guess;
}

/** The source of a field of what a POST created: the response, or the request if the response lacks it. */
export function createdField(
  document: OpenApiDocument,
  operation: Mapping,
  wrapper: string,
  field: string,
): string | undefined {
  const [name = ''] = field.split(/[.[]/, 1);
  const schema = answerSchema(document, operation);
  const answer = unwrapped(document, schema);
  const request = unwrapped(document, requestSchema(document, operation));
  if (shapeOf(document, answer.schema).properties.has(name)) return `response.${inside(answer.path)}${field}`;
  const isAsked = shapeOf(document, request.schema).properties.has(name);
  if (isAsked) return `request.${inside(request.path)}${field}`;
  return schema === undefined ? undefined : `response.${inside(wrapper)}${field}`;
}

/** The sources of the elements of a batch: `request[*]`, `response.data[*]`. */
export function elementsOf(document: OpenApiDocument, operation: Mapping): string[] {
  const schemas = [
    ['request', requestSchema(document, operation)],
    ['response', answerSchema(document, operation)],
  ] as const;
  return schemas.flatMap(([root, schema]) => {
    const inner = unwrapped(document, schema);
    const { items } = shapeOf(document, inner.schema);
    const isList = items !== undefined && shapeOf(document, items).properties.size > 0;
    return isList ? [`${root}${inner.path === '' ? '' : `.${inner.path}`}[*]`] : [];
  });
}
