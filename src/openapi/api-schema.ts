import { list, type Mapping, mapping } from './descriptions.ts';
import type { OpenApiDocument } from './document.ts';

/** What a schema says about a JSON value. */
export interface Shape {
  /** Names of its schemas, by reference or inheritance. */
  readonly names: readonly string[];
  /** Those of them that it is, and does not only inherit from. */
  readonly own: readonly string[];
  readonly properties: ReadonlyMap<string, unknown>;
  /** The properties that are always present. */
  readonly required: ReadonlySet<string>;
  /** The schema of the elements of an array. */
  readonly items: unknown;
  /** `string`, `integer`, … if it can be a scalar: an id where the object is not expanded. */
  readonly scalar: string | undefined;
}

/** The depth of inheritance; ends cycles. */
const MAX_INHERITANCE = 8;
const scalars = new Set(['string', 'integer', 'number', 'boolean']);

const known = new WeakMap<OpenApiDocument, WeakMap<object, Shape>>();

/** Members, elements and names of a schema, including those of `allOf`, `oneOf` and `anyOf`. */
export function shapeOf(document: OpenApiDocument, schema: unknown): Shape {
  if (typeof schema !== 'object' || schema === null) return readShape(document, schema, 0);
  const shapes = known.get(document) ?? new WeakMap<object, Shape>();
  known.set(document, shapes);
  const shape = shapes.get(schema) ?? readShape(document, schema, 0);
  shapes.set(schema, shape);
  return shape;
}

function readShape(document: OpenApiDocument, schema: unknown, depth: number): Shape {
  const { value, names } = document.follow(schema);
  const properties = new Map(Object.entries(mapping(value.properties)));
  const allNames = [...names];
  const own = [...names];
  const required = new Set(list(value.required).map(String));
  const types = [value.type].flat().map(String);
  let scalar = types.find((type) => scalars.has(type));
  let items: unknown = value.items;
  if (depth < MAX_INHERITANCE) {
    const alternatives = [value.oneOf, value.anyOf].flatMap(list).filter((part) => mapping(part).type !== 'null');
    const parts = list(value.allOf);
    const inners = [...parts, ...alternatives].map((part) => ({ part, inner: readShape(document, part, depth + 1) }));
    // `allOf: [$ref, {description}]` is how OpenAPI 3.0 describes a reference, or makes it nullable.
    const described = inners.filter(({ part, inner }) => parts.includes(part) && inner.properties.size > 0);
    const isOnly = described.length === 1 && properties.size === 0;
    for (const { part, inner } of inners) {
      // Another alternative may lack the member.
      if (alternatives.length < 2 || !alternatives.includes(part))
        for (const name of inner.required) required.add(name);
      for (const [name, property] of inner.properties) if (!properties.has(name)) properties.set(name, property);
      allNames.push(...inner.names);
      if (names.length === 0 && (isOnly || alternatives.includes(part))) own.push(...inner.own);
      items ??= inner.items;
      scalar ??= inner.scalar;
    }
  }
  return { names: [...new Set(allNames)], own: [...new Set(own)], properties, required, items, scalar };
}

/** The schema of the JSON in the successful response of an operation. */
export function answerSchema(document: OpenApiDocument, operation: Mapping): unknown {
  return jsonSchema(answerOf(document, operation).content);
}

/** The first successful response that has JSON, else the first. */
export function answerOf(document: OpenApiDocument, operation: Mapping): Mapping {
  const responses = mapping(operation.responses);
  const codes = Object.keys(responses).filter((code) => /^2(?:\d\d|XX)$/i.test(code));
  const answers = (codes.length === 0 ? ['default'] : codes).map((code) => document.follow(responses[code]).value);
  return answers.find(({ content }) => jsonSchema(content) !== undefined) ?? answers[0] ?? {};
}

export function requestSchema(document: OpenApiDocument, operation: Mapping): unknown {
  return jsonSchema(document.follow(operation.requestBody).value.content);
}

function jsonSchema(content: unknown): unknown {
  const media = Object.entries(mapping(content)).find(([type]) => /[/+]json\b|^\*\/\*$/.test(type));
  return mapping(media?.[1]).schema;
}
