/** A schema that is an object. `true` and `false` hold nothing. */
export type SchemaObject = Record<string, unknown>;

const inMaps = ['properties', 'patternProperties', '$defs', 'definitions', 'dependentSchemas', 'dependencies'];
const inLists = ['allOf', 'anyOf', 'oneOf', 'prefixItems', 'items'];
const single = [
  ...['items', 'additionalItems', 'additionalProperties', 'unevaluatedItems', 'unevaluatedProperties', 'contains'],
  ...['propertyNames', 'not', 'if', 'then', 'else', 'contentSchema'],
];

export const isSchemaObject = (value: unknown): value is SchemaObject =>
  typeof value === 'object' && value !== null && !Array.isArray(value);

/**
 * The schemas directly within a schema, each with the way to it. What keywords like `enum` and `default` have are
 * values, which may look like schemas and are none.
 */
export function* subschemas(
  schema: SchemaObject,
): Generator<readonly [tokens: readonly string[], schema: SchemaObject]> {
  for (const keyword of inMaps) {
    const map = schema[keyword];
    if (!isSchemaObject(map)) continue;
    for (const [name, value] of Object.entries(map)) if (isSchemaObject(value)) yield [[keyword, name], value];
  }
  for (const keyword of inLists) {
    const list = schema[keyword];
    if (!Array.isArray(list)) continue;
    for (const [i, value] of list.entries()) if (isSchemaObject(value)) yield [[keyword, String(i)], value];
  }
  for (const keyword of single) {
    const value = schema[keyword];
    if (isSchemaObject(value)) yield [[keyword], value];
  }
}

/** The value that the tokens of a JSON Pointer lead to. */
export function valueAt(root: unknown, tokens: readonly string[]): unknown {
  let found = root;
  for (const token of tokens) {
    if (typeof found !== 'object' || found === null || !Object.hasOwn(found, token)) return undefined;
    found = (found as SchemaObject)[token];
  }
  return found;
}

/** The tokens of a fragment, `/$defs/a~1b`; undefined if it is no JSON Pointer. */
export function pointerTokens(fragment: string): string[] | undefined {
  if (fragment === '') return [];
  if (!fragment.startsWith('/')) return undefined;
  try {
    return decodeURIComponent(fragment)
      .slice(1)
      .split('/')
      .map((token) => token.replaceAll('~1', '/').replaceAll('~0', '~'));
  } catch {
    return undefined;
  }
}
