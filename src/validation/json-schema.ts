import { type CompiledSchema, counted, type Draft, Engine, schemaFaults } from './engine.ts';
import { PatternError } from './linear-pattern.ts';
import { SchemaFile, type SchemaProblem } from './schema-problem.ts';
import { isSchemaObject, pointerTokens, type SchemaObject, subschemas, valueAt } from './subschemas.ts';

/** Reads a file next to the one that the configuration names, by its path from there; undefined if it may not be. */
export type ReadLocal = (path: string) => string | undefined;

/** Files that one schema may be split into. */
const MAX_FILES = 256;
const references = ['$ref', '$dynamicRef'] as const;
const drafts: Readonly<Record<string, Draft>> = {
  'https://json-schema.org/draft/2020-12/schema': '2020-12',
  'http://json-schema.org/draft-07/schema': 'draft-07',
  'https://json-schema.org/draft-07/schema': 'draft-07',
};
/** Files have no other address. */
const base = (path: string): string => `unstale:///${path}`;

interface Found {
  readonly file: SchemaFile;
  readonly tokens: readonly string[];
  readonly schema: SchemaObject;
  /** What its relative references are relative to. */
  readonly uri: string;
}

/**
 * Compiles a JSON Schema, 2020-12 or draft-07 by its `$schema`, with the files next to it that it refers to. Nothing is
 * fetched: a reference to another host is an error.
 * @throws SchemaProblem
 */
export function compileJsonSchema(text: string, read: ReadLocal): CompiledSchema {
  const root = new SchemaFile('', text);
  const draft = draftOf(root);
  const documents = new Documents(root, read);
  const engine = new Engine(draft, { coerce: false });
  for (const file of documents.files) {
    // The draft of the first file is that of all.
    delete schemaOf(file).$schema;
    const [fault] = schemaFaults(draft, schemaOf(file));
    if (fault !== undefined) {
      const tokens = pointerTokens(fault.pointer) ?? [];
      throw file.problem(
        tokens,
        `it is not a schema: ${fault.pointer} ${fault.message}`,
        `see ${draft} of JSON Schema`,
      );
    }
  }
  documents.prepare();
  for (const file of documents.files) if (file !== root) engine.add(base(file.path), schemaOf(file));
  try {
    return engine.compile({ ...schemaOf(root), $id: documents.uriOf(root) });
  } catch (error) {
    throw documents.problemOf(error);
  }
}

function draftOf(file: SchemaFile): Draft {
  const named = schemaOf(file).$schema;
  const draft = named === undefined ? '2020-12' : drafts[String(named).replace(/#$/, '')];
  if (draft !== undefined) return draft;
  throw file.problem(['$schema'], `"${String(named)}" is not supported`, 'write it for 2020-12 or draft-07');
}

function schemaOf(file: SchemaFile): SchemaObject {
  if (isSchemaObject(file.value)) return file.value;
  throw file.problem([], 'it is not a schema', 'it must be an object: { "type": "object", "properties": { … } }');
}

/** The files of a schema, and where their references lead. */
class Documents {
  readonly files: SchemaFile[];
  readonly #read: ReadLocal;
  readonly #found: Found[] = [];
  readonly #seen = new Set<SchemaObject>();
  /** The schemas that have a URI of their own. */
  readonly #ids = new Map<string, Found>();

  /** @throws SchemaProblem */
  constructor(root: SchemaFile, read: ReadLocal) {
    this.#read = read;
    this.files = [root];
    // The list grows as files refer to others.
    for (const file of this.files) this.#visit({ file, tokens: [], schema: schemaOf(file), uri: base(file.path) });
    for (let i = 0; i < this.#found.length; i++) this.#follow(this.#found[i] as Found);
  }

  uriOf(file: SchemaFile): string {
    return resolved(String(schemaOf(file).$id ?? ''), base(file.path)) ?? base(file.path);
  }

  /** Makes what is compiled of what was read: references have their full URI, and are counted. */
  prepare(): void {
    for (const { schema, uri } of this.#found) {
      for (const keyword of references) {
        const reference = schema[keyword];
        if (typeof reference !== 'string') continue;
        counted(schema);
        if (!reference.startsWith('#')) schema[keyword] = resolved(reference, uri);
      }
    }
  }

  /** What could not be compiled, and where. */
  problemOf(error: unknown): SchemaProblem {
    const [root] = this.files as [SchemaFile];
    const message = error instanceof Error ? error.message : String(error);
    if (!(error instanceof PatternError)) return root.problem([], `it cannot be used: ${message}`, 'correct it');
    const of = this.#found.find(({ schema }) => patternsOf(schema).includes(error.pattern));
    const hint = 'write it without look-around and back references: several patterns may stand in allOf';
    return (of?.file ?? root).problem([...(of?.tokens ?? []), 'pattern'], message, hint);
  }

  /** Collects a schema and all within it. */
  #visit(found: Found): void {
    const rest: Found[] = [found];
    for (let next = rest.pop(); next !== undefined; next = rest.pop()) {
      if (this.#seen.has(next.schema)) continue;
      this.#seen.add(next.schema);
      const { file, tokens, schema } = next;
      const id = typeof schema.$id === 'string' && !schema.$id.startsWith('#') ? schema.$id : undefined;
      const uri = id === undefined ? next.uri : (resolved(id, next.uri) ?? next.uri);
      const known = { ...next, uri };
      this.#found.push(known);
      if (id !== undefined) this.#ids.set(withoutFragment(uri), known);
      for (const [way, inner] of subschemas(schema))
        rest.push({ file, tokens: [...tokens, ...way], schema: inner, uri });
    }
  }

  /** Reads the file that a reference names, and visits what it leads to. */
  #follow({ file, tokens, schema, uri }: Found): void {
    for (const keyword of references) {
      const reference = schema[keyword];
      if (typeof reference !== 'string') continue;
      const at = [...tokens, keyword];
      const target = resolved(reference, uri);
      if (target === undefined) {
        throw file.problem(at, `"${reference}" is not a reference`, 'write "#/$defs/name" or "other.json#/$defs/name"');
      }
      const [document = '', fragment = ''] = target.split('#', 2);
      if (document in drafts) continue;
      const holder = this.#ids.get(document) ?? this.#loaded(document, { file, tokens: at, reference });
      const inner = pointerTokens(fragment);
      // An anchor: ajv knows it.
      if (inner === undefined) continue;
      const found = valueAt(holder.schema, inner);
      if (typeof found === 'boolean') continue;
      if (!isSchemaObject(found)) throw file.problem(at, `"${reference}" leads nowhere`, 'name a schema that exists');
      this.#visit({ file: holder.file, tokens: [...holder.tokens, ...inner], schema: found, uri: holder.uri });
    }
  }

  #loaded(document: string, at: { file: SchemaFile; tokens: readonly string[]; reference: string }): Found {
    const path = document.startsWith(base('')) ? decodeURIComponent(document.slice(base('').length)) : undefined;
    if (path === undefined) {
      const hint = 'nothing is fetched: put the schema into a file next to this one, and refer to that';
      throw at.file.problem(at.tokens, `"${at.reference}" is on another host`, hint);
    }
    const known = this.files.find((file) => file.path === path);
    if (known !== undefined) return { file: known, tokens: [], schema: schemaOf(known), uri: base(path) };
    const text = this.files.length < MAX_FILES ? this.#read(path) : undefined;
    if (text === undefined) {
      const hint = 'files must be in the folder of the schema, or below it';
      throw at.file.problem(at.tokens, `"${at.reference}" cannot be read`, hint);
    }
    const file = new SchemaFile(path, text);
    this.files.push(file);
    const found = { file, tokens: [], schema: schemaOf(file), uri: base(path) };
    this.#visit(found);
    return found;
  }
}

function resolved(reference: string, uri: string): string | undefined {
  try {
    return new URL(reference, uri).href;
  } catch {
    return undefined;
  }
}

const withoutFragment = (uri: string): string => uri.split('#', 1)[0] as string;

function patternsOf({ pattern, patternProperties }: SchemaObject): unknown[] {
  return [pattern, ...(isSchemaObject(patternProperties) ? Object.keys(patternProperties) : [])];
}
