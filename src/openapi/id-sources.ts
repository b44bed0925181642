import { answerOf, answerSchema, requestSchema, shapeOf } from './api-schema.ts';
import { type Mapping, mapping } from './descriptions.ts';
import type { OpenApiDocument } from './document.ts';
import type { ApiModel } from './draft-model.ts';
import { unwrapped } from './envelope.ts';
import type { Ids } from './fill.ts';
import { hasMember, isLasting } from './keys.ts';
import type { ApiPath } from './operations.ts';
import { isReading } from './reading.ts';
import type { Resource } from './resource.ts';
import { lastParameter } from './resources.ts';
import { idOfWhat, plainWord, singular } from './words.ts';

export const inside = (wrapper: string): string => (wrapper === '' ? '' : `${wrapper}.`);

/** Ids in a request: `request.post_ids[*]`. */
export interface Requested {
  readonly resource: Resource;
  readonly source: string;
  /** Several ids, which identify what is written. */
  readonly many: boolean;
}

/** The fields of a request that contain ids. */
export function requestedIds(model: ApiModel, path: ApiPath, methods: readonly string[]): Requested[] {
  const { document, resources } = model;
  const subject = subjectOf(model, path);
  const byNoun = (noun: string | undefined): Resource | undefined =>
    resources.get(noun ?? '') ?? [...resources.values()].find((each) => each.noun === noun);
  return methods.flatMap((method): Requested[] => {
    const operation = path.operations.get(method) ?? {};
    if (isReading(document, path, method)) return [];
    const inner = unwrapped(document, requestSchema(document, operation));
    const shape = shapeOf(document, inner.schema);
    if (shape.items !== undefined) {
      const isId = shapeOf(document, shape.items).properties.size === 0;
      const source = `request${inner.path === '' ? '' : `.${inner.path}`}[*]`;
      return subject === undefined || !isId ? [] : [{ resource: subject, source, many: true }];
    }
    return [...shape.properties].flatMap(([field, schema]): Requested[] => {
      if (!/^[A-Za-z_][A-Za-z0-9_]*$/.test(field)) return [];
      const named = idOfWhat(field);
      const resource = /^(?:ids|uuids)$/i.test(field) ? subject : byNoun(named?.resource);
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

/** The members of an item that is written: from its path, before the write, and in what is sent and answered. */
export function itemIds(document: OpenApiDocument, path: ApiPath, resource: Resource, methods: readonly string[]): Ids {
  const parameter = lastParameter(path);
  const own = resource.keys.get(path);
  return (key) => {
    if (key === undefined) return [];
    const told = fieldSources(document, { path, methods, wrapper: resource.wrapper }, key);
    if (key !== own || parameter === undefined) return told;
    // What can be renamed has a new path afterwards, which others may have asked for already.
    const renamed = isLasting(key)
      ? []
      : told.filter((source) => source.startsWith('response.') && hasAnswer(document, path, methods, key));
    return [parameter, ...renamed];
  };
}

/** Whether a write can give an item another path: its name is among what is sent. */
export function isRenaming(
  document: OpenApiDocument,
  path: ApiPath,
  resource: Resource,
  methods: readonly string[],
): boolean {
  const key = resource.keys.get(path);
  if (key === undefined || isLasting(key)) return false;
  return methods.some((method) => {
    const { schema } = unwrapped(document, requestSchema(document, path.operations.get(method) ?? {}));
    return method !== 'DELETE' && hasMember(document, shapeOf(document, schema), key);
  });
}

function hasAnswer(document: OpenApiDocument, path: ApiPath, methods: readonly string[], key: string): boolean {
  return methods.some((method) => {
    const { schema } = unwrapped(document, answerSchema(document, path.operations.get(method) ?? {}));
    return method !== 'DELETE' && hasMember(document, shapeOf(document, schema), key);
  });
}

export interface Written {
  readonly path: ApiPath;
  readonly methods: readonly string[];
  /** Of the representation, where an answer is not described. */
  readonly wrapper: string;
}

/** A member of what is written, before and after: `before.stepId`, `response.stepId`. */
export function fieldSources(document: OpenApiDocument, { path, methods, wrapper }: Written, field: string): string[] {
  const read = path.operations.get('GET');
  const before = read === undefined ? wrapper : unwrapped(document, answerSchema(document, read)).path;
  const answers = methods.filter((method) => method !== 'DELETE' || methods.length === 1);
  const after = answers.flatMap((method) => answered(document, path.operations.get(method) ?? {}, wrapper, field));
  return [...new Set([`before.${inside(before)}${field}`, ...after])];
}

/** Where an answer has the member, else the request; a guess if neither tells, which falls back to a wildcard. */
function answered(document: OpenApiDocument, operation: Mapping, wrapper: string, field: string): string[] {
  const [name = ''] = field.split(/[.[]/, 1);
  const schema = answerSchema(document, operation);
  const answer = unwrapped(document, schema);
  if (shapeOf(document, answer.schema).properties.has(name)) return [`response.${inside(answer.path)}${field}`];
  const request = unwrapped(document, requestSchema(document, operation));
  const isAsked = shapeOf(document, request.schema).properties.has(name);
  const guess = `response.${inside(wrapper)}${field}`;
  return isAsked && schema !== undefined ? [guess, `request.${inside(request.path)}${field}`] : [guess];
}

/** A field of what an answer shows, if it does: what a copy is in. */
export function answeredField(document: OpenApiDocument, operation: Mapping, field: string): string[] {
  const [name = ''] = field.split(/[.[]/, 1);
  const answer = unwrapped(document, answerSchema(document, operation));
  const has = shapeOf(document, answer.schema).properties.has(name);
  return has ? [`response.${inside(answer.path)}${field}`] : [];
}

/** A field of what is asked for: what an action moves something into. */
export function askedField(document: OpenApiDocument, operation: Mapping, field: string): string[] {
  const [name = ''] = field.split(/[.[]/, 1);
  const request = unwrapped(document, requestSchema(document, operation));
  const has = shapeOf(document, request.schema).properties.has(name);
  return has ? [`request.${inside(request.path)}${field}`] : [];
}

/** The source of the id of what a POST created: the response body, or its Location. */
export function createdIds(document: OpenApiDocument, operation: Mapping, { wrapper, idField, keys }: Resource): Ids {
  const schema = answerSchema(document, operation);
  const answer = unwrapped(document, schema);
  const shape = shapeOf(document, answer.schema);
  const headers = Object.keys(mapping(answerOf(document, operation).headers));
  const isLocated = headers.some((name) => name.toLowerCase() === 'location');
  return (key) => {
    if (key === undefined) return [];
    if (shape.items !== undefined) return [`response${answer.path === '' ? '' : `.${answer.path}`}[*].${key}`];
    if (hasMember(document, shape, key)) return [`response.${inside(answer.path)}${key}`];
    // A location ends with what the paths of items end with.
    const isInPath = [...keys.values()].every((each) => each === key) || key === idField;
    const location = isInPath ? ['responseHeader.location[-1]'] : [];
    if (isLocated && location.length > 0) return location;
    return [`response.${inside(wrapper)}${key}`, ...(schema === undefined ? location : [])];
  };
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

/** The sources of what a batch writes: `request[*]`, `response.data[*]`, and `request` where it may be a single one. */
export function elementsOf(document: OpenApiDocument, operation: Mapping, key: string | undefined): string[] {
  const schemas = [
    ['request', requestSchema(document, operation)],
    ['response', answerSchema(document, operation)],
  ] as const;
  return schemas.flatMap(([root, schema]) => {
    const inner = unwrapped(document, schema);
    const shape = shapeOf(document, inner.schema);
    const element = shapeOf(document, shape.items);
    const place = `${root}${inner.path === '' ? '' : `.${inner.path}`}`;
    const isMany = shape.items !== undefined && element.properties.size > 0;
    // One or several: `oneOf: [array, $ref]`, or `items` without a type.
    const { type } = document.follow(inner.schema).value;
    const single =
      isMany && type === undefined ? { properties: new Map([...element.properties, ...shape.properties]) } : shape;
    const isSingle = key !== undefined && hasMember(document, { ...shape, ...single }, key);
    return [...(isMany ? [`${place}[*]`] : []), ...(isSingle ? [place] : [])];
  });
}
