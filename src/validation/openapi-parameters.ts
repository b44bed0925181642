import type { ClientRequest } from '../exchange/ports.ts';
import { list, type Mapping, mapping } from '../openapi/descriptions.ts';
import type { OpenApiDocument } from '../openapi/document.ts';
import type { OpenApiSchemas } from './openapi-schemas.ts';
import type { SchemaObject } from './subschemas.ts';
import type { Violation } from './violation.ts';

/** Where a parameter is, as OpenAPI calls it. */
type Location = Exclude<Violation['in'], 'body'>;
const locations: readonly Location[] = ['path', 'query', 'header'];

/** OpenAPI 3.0 §4.7.12.2: these are described elsewhere. */
const describedElsewhere = new Set(['accept', 'content-type', 'authorization']);

/** How the value of a parameter is read. */
interface Reading {
  readonly name: string;
  readonly kind: 'text' | 'array' | 'exploded' | 'json' | 'deepObject';
  readonly separator: string;
}

/** All parameters of one kind: a schema for the object of them, and how it is read of a request. */
export interface ParameterGroup {
  readonly in: Location;
  readonly schema: SchemaObject;
  readonly readings: readonly Reading[];
}

const separators: Readonly<Record<string, string>> = { spaceDelimited: ' ', pipeDelimited: '|' };

/**
 * The parameters of an operation, those of its path item among them. Cookies, and objects in other styles, are not
 * checked.
 */
export function parameterGroups(
  document: OpenApiDocument,
  schemas: OpenApiSchemas,
  { item, operation }: { readonly item: Mapping; readonly operation: Mapping },
): ParameterGroup[] {
  const merged = new Map<string, Mapping>();
  for (const each of [...list(item.parameters), ...list(operation.parameters)]) {
    const parameter = document.follow(each).value;
    merged.set(JSON.stringify([parameter.in, parameter.name]), parameter);
  }
  const parameters = [...merged.values()];
  return locations.flatMap((location) => {
    const own = parameters.filter((each) => each.in === location);
    const properties: SchemaObject = {};
    const required: string[] = [];
    const readings: Reading[] = [];
    for (const parameter of own) {
      const name = location === 'header' ? String(parameter.name).toLowerCase() : String(parameter.name);
      if (location === 'header' && describedElsewhere.has(name)) continue;
      const reading = readingOf(document, name, parameter);
      if (reading === undefined) continue;
      readings.push(reading);
      const [content] = Object.values(mapping(parameter.content));
      properties[name] = schemas.convert(parameter.schema ?? mapping(content).schema);
      if (parameter.required === true || location === 'path') required.push(name);
    }
    return readings.length === 0 ? [] : [{ in: location, schema: { type: 'object', properties, required }, readings }];
  });
}

function readingOf(document: OpenApiDocument, name: string, parameter: Mapping): Reading | undefined {
  const [mediaType] = Object.keys(mapping(parameter.content));
  if (mediaType !== undefined) return /[/+]json\b/.test(mediaType) ? { name, kind: 'json', separator: '' } : undefined;
  const type = typesOf(document, parameter.schema);
  const style = String(parameter.style ?? (parameter.in === 'query' ? 'form' : 'simple'));
  if (style === 'deepObject') return parameter.in === 'query' ? { name, kind: 'deepObject', separator: '' } : undefined;
  if (type.includes('object') || !['form', 'simple', ...Object.keys(separators)].includes(style)) return undefined;
  if (!type.includes('array')) return { name, kind: 'text', separator: '' };
  if (style === 'form' && parameter.explode !== false) return { name, kind: 'exploded', separator: '' };
  return { name, kind: 'array', separator: separators[style] ?? ',' };
}

function typesOf(document: OpenApiDocument, schema: unknown): string[] {
  const { value } = document.follow(schema);
  return [value.type].flat().map(String);
}

/** The parameters of a request as an object. A parameter that is there several times is an array. */
export function parametersOf(
  { in: location, readings }: ParameterGroup,
  request: ClientRequest,
  path: Readonly<Record<string, string>>,
): Record<string, unknown> {
  const query = location === 'query' ? new URLSearchParams(request.target.query) : undefined;
  const textsOf = (name: string): readonly string[] => {
    if (query !== undefined) return query.getAll(name);
    const text = location === 'path' ? path[name] : request.headers.get(name);
    return text === undefined ? [] : [text];
  };
  const entries = readings.flatMap((reading): [string, unknown][] => {
    const value =
      reading.kind === 'deepObject' ? deepObject(query, reading.name) : parameterValue(reading, textsOf(reading.name));
    return value === undefined ? [] : [[reading.name, value]];
  });
  return Object.fromEntries(entries);
}

function parameterValue({ kind, separator }: Reading, texts: readonly string[]): unknown {
  const [text] = texts;
  if (text === undefined) return undefined;
  if (kind === 'exploded') return texts;
  if (kind === 'array') return texts.length > 1 ? texts : text.split(separator);
  if (kind === 'text') return texts.length > 1 ? texts : text;
  try {
    return JSON.parse(text) as unknown;
  } catch {
    // A text is not what the schema of a JSON value allows, unless it allows any.
    return text;
  }
}

/** `filter[state]=open` → `{ state: 'open' }` */
function deepObject(query: URLSearchParams | undefined, name: string): Record<string, string> | undefined {
  const members: [string, string][] = [];
  for (const [key, value] of query ?? []) {
    if (key.startsWith(`${name}[`) && key.endsWith(']')) members.push([key.slice(name.length + 1, -1), value]);
  }
  return members.length === 0 ? undefined : Object.fromEntries(members);
}
