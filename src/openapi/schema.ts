import { list, type Mapping, mapping, type OpenApiDocument } from './document.ts';

/** What is known of a JSON value from its schema. */
export interface Shape {
  /** Names of the schemas that it is, by reference or by inheritance. */
  readonly names: readonly string[];
  readonly properties: ReadonlyMap<string, unknown>;
  /** Schema of the elements, where it is an array. */
  readonly items: unknown;
}

/** Schemas that inherit from each other; a cycle ends here. */
const MAX_INHERITANCE = 8;

/** Members, elements and names of a schema, those of `allOf`, `oneOf` and `anyOf` among them. */
export function shapeOf(document: OpenApiDocument, schema: unknown, depth = 0): Shape {
  const { value, names } = document.follow(schema);
  const properties = new Map(Object.entries(mapping(value.properties)));
  const allNames = [...names];
  let items: unknown = value.items;
  if (depth < MAX_INHERITANCE) {
    for (const part of [...list(value.allOf), ...list(value.oneOf), ...list(value.anyOf)]) {
      const inner = shapeOf(document, part, depth + 1);
      for (const [name, property] of inner.properties) if (!properties.has(name)) properties.set(name, property);
      allNames.push(...inner.names);
      items ??= inner.items;
    }
  }
  return { names: [...new Set(allNames)], properties, items };
}

/** The schema of the JSON that an operation answers with when it succeeds. */
export function answerSchema(document: OpenApiDocument, operation: Mapping): unknown {
  const responses = mapping(operation.responses);
  const status = Object.keys(responses).find((code) => /^2(?:\d\d|XX)$/i.test(code)) ?? 'default';
  return jsonSchema(document.follow(responses[status]).value.content);
}

export function requestSchema(document: OpenApiDocument, operation: Mapping): unknown {
  return jsonSchema(document.follow(operation.requestBody).value.content);
}

function jsonSchema(content: unknown): unknown {
  const media = Object.entries(mapping(content)).find(([type]) => /[/+]json\b|^\*\/\*$/.test(type));
  return mapping(media?.[1]).schema;
}

/** Members that APIs put around what they answer. */
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

/** What is inside `{"data": …}`, and the way there: `data`. */
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
