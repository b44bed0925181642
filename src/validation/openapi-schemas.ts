import type { OpenApiDocument } from '../openapi/document.ts';
import { counted } from './engine.ts';
import { isSchemaObject, type SchemaObject } from './subschemas.ts';

/** Keywords that have values, not schemas. */
const values = new Set(['enum', 'const', 'default', 'example', 'examples', 'required', 'type', 'discriminator', 'xml']);
/** Keywords with a map from names to schemas. */
const maps = new Set(['properties', 'patternProperties', '$defs', 'definitions', 'dependentSchemas']);
/** Of a description, schemas have no address of their own: all become parts of one schema. */
const dropped = new Set(['$id', '$schema', '$anchor', '$dynamicAnchor', '$comment', 'externalDocs']);

/** Of schemas within schemas: no real one is nested so deeply, and the stack is no deeper. */
const MAX_NESTING = 200;

/**
 * The schemas of an OpenAPI document as one JSON Schema, 2020-12. Version 3.0 has a dialect of its own: `nullable`,
 * `exclusiveMinimum: true`, and nothing besides a `$ref` counts.
 */
export class OpenApiSchemas {
  /** Of the one schema. Complete once everything has been converted. */
  readonly definitions: SchemaObject = {};
  /** References that were met, for what is wrong with them. */
  readonly references: string[] = [];
  readonly #document: OpenApiDocument;
  readonly #is30: boolean;
  readonly #names = new Map<string, string>();
  readonly #converted = new Map<object, SchemaObject>();

  constructor(document: OpenApiDocument) {
    this.#document = document;
    this.#is30 = document.version.startsWith('3.0');
  }

  convert(schema: unknown, depth = 0): unknown {
    if (!isSchemaObject(schema)) return schema !== false;
    if (typeof schema.$ref === 'string') return this.#reference(schema.$ref, schema, depth);
    return this.#object(schema, depth);
  }

  #reference(reference: string, schema: SchemaObject, depth: number): SchemaObject {
    const { $ref: _, ...beside } = schema;
    const others = this.#is30 || Object.keys(beside).length === 0 ? {} : this.#object(beside, depth);
    const made: SchemaObject = { ...others, $ref: `#/$defs/${this.#named(reference)}` };
    counted(made);
    return made;
  }

  #named(reference: string): string {
    const known = this.#names.get(reference);
    if (known !== undefined) return known;
    const name = `s${this.#names.size}`;
    this.#names.set(reference, name);
    this.references.push(reference);
    const { value } = this.#document.follow({ $ref: reference });
    // A place for it first: it may refer to itself.
    this.definitions[name] = true;
    this.definitions[name] = this.convert(value);
    return name;
  }

  #object(schema: SchemaObject, depth: number): SchemaObject {
    const known = this.#converted.get(schema);
    if (known !== undefined) return known;
    if (depth > MAX_NESTING) throw new Error('it is nested too deeply');
    const made: SchemaObject = {};
    this.#converted.set(schema, made);
    for (const [keyword, value] of Object.entries(schema)) {
      if (dropped.has(keyword) || keyword.startsWith('x-')) continue;
      if (values.has(keyword)) made[keyword] = value;
      else if (maps.has(keyword) && isSchemaObject(value)) {
        made[keyword] = Object.fromEntries(
          Object.entries(value).map(([name, inner]) => [name, this.convert(inner, depth + 1)]),
        );
      } else if (Array.isArray(value)) made[keyword] = value.map((inner) => this.convert(inner, depth + 1));
      else if (isSchemaObject(value)) made[keyword] = this.convert(value, depth + 1);
      else made[keyword] = value;
    }
    this.#withoutReadOnly(schema, made);
    if (this.#is30) from30(made);
    return made;
  }

  /** What only the API sets need not be sent, however often it is required (OpenAPI 3.0 §4.7.24.2). */
  #withoutReadOnly({ properties }: SchemaObject, made: SchemaObject): void {
    // `required: true` of a property is a mistake that many documents make; it says nothing.
    if (!Array.isArray(made.required)) delete made.required;
    if (!Array.isArray(made.required) || !isSchemaObject(properties)) return;
    made.required = made.required.filter(
      (name: unknown) =>
        !(typeof name === 'string' && Object.hasOwn(properties, name)) ||
        this.#document.follow(properties[name]).value.readOnly !== true,
    );
  }
}

/** OpenAPI 3.0 → JSON Schema. */
function from30(schema: SchemaObject): void {
  const { nullable, type } = schema;
  delete schema.nullable;
  if (nullable === true && typeof type === 'string') {
    schema.type = [type, 'null'];
    if (Array.isArray(schema.enum) && !schema.enum.includes(null)) schema.enum = [...schema.enum, null];
  }
  for (const [limit, exclusive] of [
    ['minimum', 'exclusiveMinimum'],
    ['maximum', 'exclusiveMaximum'],
  ] as const) {
    if (typeof schema[exclusive] !== 'boolean') continue;
    if (schema[exclusive] === true && typeof schema[limit] === 'number') {
      schema[exclusive] = schema[limit];
      delete schema[limit];
    } else delete schema[exclusive];
  }
  if (nullable === true && typeof type !== 'string') alsoNull(schema);
}

/**
 * `nullable` without a `type`, next to `allOf` for example. By the specification it has no effect there. Those who
 * write it mean that null is allowed.
 */
function alsoNull(schema: SchemaObject): void {
  const inner = { ...schema };
  for (const keyword of Object.keys(schema)) delete schema[keyword];
  schema.anyOf = [inner, { type: 'null' }];
}
