import type { SchemaDocuments } from '../config/model.ts';
import { GatewayError } from '../errors.ts';
import { readJson } from '../exchange/body.ts';
import type { ClientRequest } from '../exchange/ports.ts';
import { essenceOf } from '../http/media-type.ts';
import type { MissingReason } from '../rules/types.ts';
import type { CompiledSchema } from './engine.ts';
import { compileJsonSchema, type ReadLocal } from './json-schema.ts';
import { compileOpenApi, mediaTypesOf, type OperationBody, type WritesOf } from './openapi.ts';
import { MAX_VIOLATIONS, type Violation, violation } from './violation.ts';

export interface ValidationSource extends WritesOf {
  readonly kind: 'schema' | 'openapi';
  readonly text: string;
  readonly read: ReadLocal;
}

/**
 * What is wrong with a write; empty if nothing is.
 * @throws GatewayError unsupportedMediaType: the body cannot be checked
 */
export type Validation = (request: ClientRequest, body: Buffer) => readonly Violation[];

/**
 * Compiles what an entry of `writes` is validated by.
 * @throws SchemaProblem
 */
export function compileValidation({ kind, text, read, ...writes }: ValidationSource): Validation {
  if (kind === 'schema') {
    const schema = compileJsonSchema(text, read);
    return (request, body) => bySchema(schema, request, body);
  }
  const find = compileOpenApi(text, read, writes);
  return (request, body) => {
    const operation = find(request);
    if (operation === undefined) return [violation('path', '', 'the description has no such operation')];
    const wrong = operation.parameters(request);
    const found = operation.body === undefined ? wrong : [...wrong, ...byContent(operation.body, request, body)];
    return found.slice(0, MAX_VIOLATIONS);
  };
}

/** By the documents, for as long as somebody has them: to compile a long description takes seconds. */
const compiled = new WeakMap<SchemaDocuments, { readonly by: string; readonly validation: Validation }>();

/**
 * The same of the documents of a configuration. They are compiled once: by whoever loads the configuration, for all
 * gateways that are made of it, and for what these explain.
 * @param read how documents that are not there yet are read
 * @throws SchemaProblem
 */
export function validationBy(
  documents: SchemaDocuments,
  { kind, methods, pattern }: Omit<ValidationSource, 'text' | 'read'>,
  read: ReadLocal = (path) => (Object.hasOwn(documents, path) ? documents[path] : undefined),
): Validation {
  const by = JSON.stringify([kind, methods, pattern]);
  const known = compiled.get(documents);
  if (known?.by === by) return known.validation;
  const validation = compileValidation({ kind, text: documents[''] ?? '', read, methods, pattern });
  compiled.set(documents, { by, validation });
  return validation;
}

/** A DELETE needs no body; whatever else a schema is for has one. */
function bySchema(schema: CompiledSchema, request: ClientRequest, body: Buffer): readonly Violation[] {
  if (body.byteLength === 0 && request.method === 'DELETE') return [];
  if (body.byteLength > 0 && !isJson(typeOf(request))) throw notTaken(JSON_TYPE);
  return ofJson(schema, request, body);
}

function byContent(described: OperationBody, request: ClientRequest, body: Buffer): readonly Violation[] {
  if (body.byteLength === 0) return described.required ? [violation('body', '', 'is required')] : [];
  const essence = typeOf(request);
  const media = ranges(essence).flatMap(
    (range) => described.content.find(({ mediaType }) => mediaType === range) ?? [],
  )[0];
  if (media === undefined) throw notTaken(mediaTypesOf(described));
  // Forms, files and XML are let through: a schema says too little of their octets.
  return media.schema === undefined || !isJson(essence) ? [] : ofJson(media.schema, request, body);
}

function ofJson(schema: CompiledSchema, request: ClientRequest, body: Buffer): readonly Violation[] {
  const json = readJson(body, request.headers);
  if ('value' in json) return schema(json.value, 'body', body.byteLength);
  if (json.missing === 'encoded') throw new GatewayError('unsupportedMediaType', 'the content coding cannot be undone');
  return [violation('body', '', unread[json.missing] ?? 'cannot be read')];
}

const unread: Partial<Record<MissingReason, string>> = {
  absent: 'is required',
  malformed: 'is not valid JSON',
  'not-json': 'is not valid JSON',
  // A parser that takes the first of them, and one that takes the last, would not see the same body.
  ambiguous: 'has two members of one name',
  'too-deep': 'is nested too deeply',
  'too-large': 'is too large',
};

const JSON_TYPE = 'application/json';

/** What the request says, or JSON if it does not say. */
function typeOf({ headers }: ClientRequest): string {
  return essenceOf(headers.get('content-type')) || JSON_TYPE;
}

const isJson = (essence: string): boolean => /^(?:application|text)\/json$|\+json$/.test(essence);

/** From the exact type to any, as the content of a description may name them. */
function ranges(essence: string): string[] {
  return [essence, `${essence.split('/', 1)[0]}/*`, '*/*'];
}

function notTaken(mediaTypes: string): GatewayError {
  return new GatewayError('unsupportedMediaType', `send ${mediaTypes}`);
}
