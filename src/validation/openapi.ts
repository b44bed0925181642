import type { ClientRequest } from '../exchange/ports.ts';
import { essenceOf } from '../http/media-type.ts';
import { type Mapping, mapping, OpenApiError } from '../openapi/descriptions.ts';
import { OpenApiDocument } from '../openapi/document.ts';
import { serverOf } from '../openapi/operations.ts';
import { type CompiledSchema, Engine } from './engine.ts';
import type { ReadLocal } from './json-schema.ts';
import { PatternError } from './linear-pattern.ts';
import { type ParameterGroup, parameterGroups, parametersOf } from './openapi-parameters.ts';
import { OpenApiSchemas } from './openapi-schemas.ts';
import { matchPath, type PathTemplate, pathTemplate } from './path-template.ts';
import { SchemaProblem } from './schema-problem.ts';
import type { SchemaObject } from './subschemas.ts';
import type { Violation } from './violation.ts';

/** The writes that an entry of the configuration is about. */
export interface WritesOf {
  /** `['*']` for any. Upper case. */
  readonly methods: readonly string[];
  readonly pattern: string;
}

/** What a body may be, by its media type. */
export interface OperationBody {
  readonly required: boolean;
  /** `application/json`, `application/*`, in lower case; the schema is undefined where it is not JSON. */
  readonly content: readonly { readonly mediaType: string; readonly schema: CompiledSchema | undefined }[];
}

/** One operation of the document. */
export interface Operation {
  /** Undefined: the document describes none, so any may be sent. */
  readonly body: OperationBody | undefined;
  parameters(request: ClientRequest): readonly Violation[];
}

interface KnownPath {
  readonly written: string;
  readonly template: PathTemplate;
  readonly operations: ReadonlyMap<string, CompiledOperation>;
}

interface CompiledOperation {
  readonly body: OperationBody | undefined;
  readonly groups: readonly (ParameterGroup & { readonly check: CompiledSchema })[];
}

const methods = ['post', 'put', 'patch', 'delete', 'get', 'head', 'options', 'trace'];
const ROOT = 'unstale:///openapi';

/** Finds the operation of a request. Undefined: the document has none. */
export type FindOperation = (request: ClientRequest) => Operation | undefined;

/**
 * Compiles the operations of an OpenAPI 3.0 or 3.1 document that the writes of an entry can be.
 * @throws SchemaProblem
 */
export function compileOpenApi(text: string, read: ReadLocal, writes: WritesOf): FindOperation {
  try {
    const document = new OpenApiDocument(text, read);
    if (document.isConverted) throw new OpenApiError('this is Swagger 2.0', 'convert it to OpenAPI 3.0 or 3.1');
    if (!/^3\.[01]\b/.test(document.version)) {
      throw new OpenApiError(`this is OpenAPI ${document.version}`, 'write it for OpenAPI 3.0 or 3.1');
    }
    return new OperationCompiler(document, writes).compiled();
  } catch (error) {
    if (error instanceof SchemaProblem) throw error;
    if (error instanceof OpenApiError) {
      throw new SchemaProblem(error.message, error.hint, { path: '', line: error.line ?? 1, column: 1 });
    }
    throw problemOf(error, text);
  }
}

/** The line of what is wrong: of the reference or the pattern, as the document has it. */
function problemOf(error: unknown, text: string): SchemaProblem {
  const message = error instanceof Error ? error.message : String(error);
  if (error instanceof PatternError) {
    const hint = 'write it without look-around and back references: several patterns may stand in allOf';
    return new SchemaProblem(message, hint, lineAndColumnOf(text, error.pattern));
  }
  if (error instanceof BrokenReference)
    return new SchemaProblem(message, error.hint, lineAndColumnOf(text, error.reference));
  return new SchemaProblem(`it cannot be used: ${message}`, 'correct it', { path: '', line: 1, column: 1 });
}

class BrokenReference extends Error {
  readonly reference: string;
  readonly hint: string;
  constructor(reference: string) {
    const isRemote = /^[a-z][a-z0-9+.-]*:|^\/\//i.test(reference);
    super(`"${reference}" ${isRemote ? 'is on another host' : 'leads nowhere'}`);
    this.reference = reference;
    this.hint = isRemote
      ? 'nothing is fetched: put it into a file next to this one, and refer to that'
      : 'name what exists, in this file or in one below its folder';
  }
}

/** Where a text stands first, also if it is escaped as JSON has it. */
function lineAndColumnOf(text: string, sought: string): { path: string; line: number; column: number } {
  const at = [JSON.stringify(sought).slice(1, -1), sought].map((each) => text.indexOf(each)).find((each) => each >= 0);
  const before = text.slice(0, at ?? 0).split('\n');
  return { path: '', line: before.length, column: (before.at(-1) ?? '').length + 1 };
}

class OperationCompiler {
  readonly #document: OpenApiDocument;
  readonly #writes: WritesOf;
  readonly #schemas: OpenApiSchemas;
  readonly #bodies = new Engine('2020-12', { coerce: false });
  readonly #parameters = new Engine('2020-12', { coerce: true });
  #count = 0;

  constructor(document: OpenApiDocument, writes: WritesOf) {
    this.#document = document;
    this.#writes = writes;
    this.#schemas = new OpenApiSchemas(document);
  }

  compiled(): FindOperation {
    const bases = [...new Set([...this.#document.servers.map((server) => serverOf({ servers: [server] }).base), ''])];
    const drafts = Object.entries(this.#document.paths).flatMap(([written, value]) =>
      this.#path(written, value, bases),
    );
    const [broken] = this.#document.dangling;
    if (broken !== undefined) throw new BrokenReference(broken);
    const root = { $defs: this.#schemas.definitions };
    for (const engine of [this.#bodies, this.#parameters]) engine.add(ROOT, root);
    const paths = drafts.map((draft) => draft()).sort(literalsFirst);
    if (paths.length === 0) {
      const { methods: named, pattern } = this.#writes;
      throw new SchemaProblem(
        `it describes no operation ${named.join('|')} ${pattern}`,
        'describe it, or correct the pattern',
        {
          ...{ path: '', line: 1, column: 1 },
        },
      );
    }
    return (request) => find(paths, bases, request);
  }

  /** Converts a path's schemas; what is returned compiles them, once all have been converted. */
  #path(written: string, value: unknown, bases: readonly string[]): (() => KnownPath)[] {
    if (!bases.some((base) => mayMatch(this.#writes.pattern, base + written))) return [];
    const item = this.#document.follow(value).value;
    const named = this.#writes.methods;
    const operations = methods
      .filter(
        (method) => typeof item[method] === 'object' && (named[0] === '*' || named.includes(method.toUpperCase())),
      )
      .map(
        (method) => [method.toUpperCase(), this.#operation(item, this.#document.follow(item[method]).value)] as const,
      );
    if (operations.length === 0) return [];
    const template = pathTemplate(written);
    return [
      () => ({
        ...{ written, template },
        operations: new Map(operations.map(([method, compile]) => [method, compile()])),
      }),
    ];
  }

  #operation(item: Mapping, operation: Mapping): () => CompiledOperation {
    const groups = parameterGroups(this.#document, this.#schemas, { item, operation }).map((group) => ({
      group,
      name: this.#define(group.schema),
    }));
    const described = this.#document.follow(operation.requestBody).value;
    const content = Object.entries(mapping(described.content)).map(([mediaType, media]) => {
      const isJson = /^(?:application|text|\*)\/(?:json|\*|[^;]*\+json)\s*(?:;|$)/i.test(mediaType);
      const { schema } = mapping(media);
      const name = isJson && schema !== undefined ? this.#define(this.#schemas.convert(schema)) : undefined;
      return { mediaType: essenceOf(mediaType), name };
    });
    return () => ({
      body:
        content.length === 0
          ? undefined
          : {
              required: described.required === true,
              content: content.map(({ mediaType, name }) => ({
                mediaType,
                schema: name === undefined ? undefined : this.#bodies.compile(referenceTo(name)),
              })),
            },
      groups: groups.map(({ group, name }) => ({ ...group, check: this.#parameters.compile(referenceTo(name)) })),
    });
  }

  #define(schema: unknown): string {
    this.#count += 1;
    const name = `o${this.#count}`;
    this.#schemas.definitions[name] = schema;
    return name;
  }
}

const referenceTo = (name: string): SchemaObject => ({ $ref: `${ROOT}#/$defs/${name}` });

function find(paths: readonly KnownPath[], bases: readonly string[], request: ClientRequest): Operation | undefined {
  const { path } = request.target;
  const below = bases.flatMap((base) =>
    base === '' ? [path] : path.startsWith(`${base}/`) ? [path.slice(base.length)] : [],
  );
  for (const candidate of below) {
    const segments = candidate.split('/');
    for (const { template, operations } of paths) {
      const operation = operations.get(request.method);
      const found = operation === undefined ? undefined : matchPath(template, segments);
      if (operation === undefined || found === undefined) continue;
      const values = Object.fromEntries(found.map(([name, value]) => [name, decoded(value)]));
      return {
        body: operation.body,
        parameters: (asked) =>
          operation.groups.flatMap((group) => {
            const given = parametersOf(group, asked, values);
            return group.check(given, group.in, path.length + request.target.query.length);
          }),
      };
    }
  }
  return undefined;
}

function decoded(segment: string): string {
  try {
    return decodeURIComponent(segment);
  } catch {
    // An escape that is not UTF-8 is part of the value.
    return segment;
  }
}

/** OpenAPI 3.1 §4.8.8.2: a concrete path comes before one with parameters. */
function literalsFirst(a: KnownPath, b: KnownPath): number {
  const [left, right] = [a.written.split('/'), b.written.split('/')];
  for (const [i, part] of left.entries()) {
    const difference = Number(part.includes('{')) - Number(right[i]?.includes('{') ?? false);
    if (difference !== 0) return difference;
  }
  return 0;
}

/** Whether a request can match the pattern of a write and this path. It may say yes where it cannot. */
function mayMatch(pattern: string, path: string): boolean {
  const [wanted, given] = [pattern, path].map((each) => each.split('/').filter((part) => part !== ''));
  if (wanted === undefined || given === undefined) return false;
  for (const [i, part] of wanted.entries()) {
    if (part === '**') return true;
    const other = given[i];
    if (other === undefined) return false;
    if (!/[:*]/.test(part) && !other.includes('{') && part !== other) return false;
  }
  return wanted.length === given.length;
}

/** The media types that an operation takes, to tell a client that has sent another one. */
export const mediaTypesOf = ({ content }: OperationBody): string =>
  content.map(({ mediaType }) => mediaType).join(', ');
