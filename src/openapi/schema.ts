import { list, type Mapping, mapping, type OpenApiDocument } from './document.ts';

/** What is known of a JSON value from its schema. */
export interface Shape {
  /** Names of the schemas that it is, by reference or by inheritance. */
  readonly names: readonly string[];
  readonly properties: ReadonlyMap<string, unknown>;
  /** Of the properties, those that are always there. */
  readonly required: ReadonlySet<string>;
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
  const required = new Set(list(value.required).map(String));
  let items: unknown = value.items;
  if (depth < MAX_INHERITANCE) {
    const alternatives = [value.oneOf, value.anyOf].flatMap(list).filter((part) => mapping(part).type !== 'null');
    for (const part of [...list(value.allOf), ...alternatives]) {
      const inner = shapeOf(document, part, depth + 1);
      // Of several alternatives each may be the one without it.
      if (alternatives.length < 2 || !alternatives.includes(part))
        for (const name of inner.required) required.add(name);
      for (const [name, property] of inner.properties) if (!properties.has(name)) properties.set(name, property);
      allNames.push(...inner.names);
      items ??= inner.items;
    }
  }
  return { names: [...new Set(allNames)], properties, required, items };
}

/** The schema of the JSON that an operation answers with when it succeeds. */
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
