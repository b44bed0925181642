import { z } from 'zod';
import { configSchema } from './schema.ts';

type JsonSchema = z.core.JSONSchema.BaseSchema;

/** In the file, a value from the environment is text. */
const fromEnvironment: JsonSchema = { type: 'string', pattern: '\\$\\{[A-Za-z_][A-Za-z0-9_]*(:-[^{}]*)?\\}' };

/**
 * The JSON Schema of a configuration file, for editors: draft 7, which their YAML support understands. It also serves
 * rule packs, so it does not require an origin.
 */
export function configJsonSchema(): JsonSchema {
  const whole = settingsSchema();
  const { profiles, ...settings } = whole.properties as Readonly<Record<string, JsonSchema>>;
  const byName = { ...profiles, additionalProperties: { $ref: '#/definitions/profile' } };
  const profile = { anyOf: [partial({ ...whole, properties: settings }), { type: 'null' }] };
  return { ...whole, properties: { ...settings, profiles: byName }, definitions: { profile } };
}

/** As a profile has it: no key is required, and `null` takes a key away. */
function partial(schema: JsonSchema): JsonSchema {
  const { required: _, $schema: _dialect, default: _default, ...rest } = schema;
  const { properties = {}, additionalProperties: others, anyOf } = rest;
  const members = Object.entries(properties).map(([name, property]) => [name, orNull(property as JsonSchema)] as const);
  return {
    ...rest,
    ...(rest.properties === undefined ? {} : { properties: Object.fromEntries(members) }),
    ...(typeof others === 'object' ? { additionalProperties: orNull(others) } : {}),
    ...(anyOf === undefined ? {} : { anyOf: anyOf.map((form) => partial(form as JsonSchema)) }),
  };
}

function orNull(schema: JsonSchema): JsonSchema {
  const { description, ...form } = partial(schema);
  return { ...(description === undefined ? {} : { description }), anyOf: [form, { type: 'null' }] };
}

function settingsSchema(): JsonSchema {
  return z.toJSONSchema(configSchema, {
    io: 'input',
    target: 'draft-7',
    unrepresentable: 'any',
    override: ({ zodSchema, jsonSchema, path }) => {
      // Zod leaves them out of the schema of what is parsed: it takes them for values of the result.
      const examples = examplesOf(zodSchema);
      if (examples !== undefined) jsonSchema.examples = examples;
      const isScalar = ['string', 'string,number', 'boolean', 'integer'].includes(String(jsonSchema.type));
      const isOpen = jsonSchema.type === 'string' && jsonSchema.pattern === undefined && jsonSchema.enum === undefined;
      // Names are keys, which are never interpolated.
      if (!isScalar || isOpen || path.at(-1) === 'propertyNames') return;
      const { description, default: fallback, examples: _, ...form } = jsonSchema;
      for (const key of Object.keys(jsonSchema)) delete jsonSchema[key];
      Object.assign(jsonSchema, { anyOf: [form, fromEnvironment] });
      if (description !== undefined) jsonSchema.description = description;
      if (fallback !== undefined) jsonSchema.default = fallback;
      if (examples !== undefined) jsonSchema.examples = examples;
    },
  });
}

/** Of a key: what it says itself, else what its type says. */
function examplesOf(schema: z.core.$ZodType): unknown[] | undefined {
  const own = z.globalRegistry.get(schema)?.examples;
  if (Array.isArray(own)) return own;
  const { innerType } = schema._zod.def as { readonly innerType?: z.core.$ZodType };
  return innerType && examplesOf(innerType);
}
