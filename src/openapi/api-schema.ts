import { list, type Mapping, mapping, type OpenApiDocument } from './document.ts';

/** What a schema says about a JSON value. */
export interface Shape {
  /** Names of its schemas, by reference or inheritance. */
  readonly names: readonly string[];
  readonly properties: ReadonlyMap<string, unknown>;
  /** The properties that are always present. */
  readonly required: ReadonlySet<string>;
  /** The schema of the elements of an array. */
  readonly items: unknown;
}

/** The depth of inheritance; ends cycles. */
const MAX_INHERITANCE = 8;

/** Members, elements and names of a schema, including those of `allOf`, `oneOf` and `anyOf`. */
export function shapeOf(document: OpenApiDocument, schema: unknown, depth = 0): Shape {
  const { value, names } = document.follow(schema);
  const properties = new Map(Object.entries(mapping(value.properties)));
  const allNames = [...names];
  const required = new Set(list(value.required).map(String));
  let items: unknown = value.items;
  if (depth < MAX_INHERITANCE) {
    const alternatives = [value.oneOf, value.anyOf].flatMap(list).filter((part) => mapping(part).type !== 'null');
    for (const part of [...list(value.allOf), ...alternatives]) {
      const inner = shapeOf(document, part, depth + 1);
      // Another alternative may lack the member.
      if (alternatives.length < 2 || !alternatives.includes(part))
        for (const name of inner.required) required.add(name);
      for (const [name, property] of inner.properties) if (!properties.has(name)) properties.set(name, property);
      allNames.push(...inner.names);
      items ??= inner.items;
    }
  }
  return { names: [...new Set(allNames)], properties, required, items };
}

/** The schema of the JSON in the successful response of an operation. */
export function answerSchema(document: OpenApiDocument, operation: Mapping): unknown {
  return jsonSchema(answerOf(document, operation).content);
}

export function answerOf(document: OpenApiDocument, operation: Mapping): Mapping {
  const responses = mapping(operation.responses);
  const status = Object.keys(responses).find((code) => /^2(?:\d\d|XX)$/i.test(code)) ?? 'default';
  return document.follow(responses[status]).value;
}

export function requestSchema(document: OpenApiDocument, operation: Mapping): unknown {
  return jsonSchema(document.follow(operation.requestBody).value.content);
}

function jsonSchema(content: unknown): unknown {
  const media = Object.entries(mapping(content)).find(([type]) => /[/+]json\b|^\*\/\*$/.test(type));
  return mapping(media?.[1]).schema;
}

/** Members that APIs use to wrap responses. */
const wrappers = new Set([
  'data',
  'item',
  'items',
  'result',
  'results',
  'content',
  'value',
  'values',
  'records',
  'entries',
]);

/** The content of `{"data": …}`, and its path: `data`. */
export function unwrapped(
  document: OpenApiDocument,
  schema: unknown,
): { readonly path: string; readonly schema: unknown } {
  const { properties, items } = shapeOf(document, schema);
  if (items !== undefined || properties.has('id')) return { path: '', schema };
  const found = [...properties].filter(([name, property]) => {
    const inner = shapeOf(document, property);
    return wrappers.has(name) && (inner.items !== undefined || inner.properties.size > 0);
  });
  const [only] = found;
  return found.length === 1 && only !== undefined ? { path: only[0], schema: only[1] } : { path: '', schema };
}
