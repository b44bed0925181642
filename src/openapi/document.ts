import { isMap, LineCounter, parseDocument } from 'yaml';

/** Why a document cannot be drafted; `hint` says what to do. */
export class OpenApiError extends Error {
  override readonly name = 'OpenApiError';
  readonly hint: string;
  readonly line: number | undefined;
  constructor(message: string, hint: string, line?: number) {
    super(message);
    this.hint = hint;
    this.line = line;
  }
}

export type Mapping = Readonly<Record<string, unknown>>;

/** A description is read into memory, and its schemas are visited for each route. No real API is larger. */
const MAX_BYTES = 32 * 1024 * 1024;
/** Chained `$ref`s. */
const MAX_REFERENCES = 32;

/** An OpenAPI 3 document. Local references are resolved on demand. */
export class OpenApiDocument {
  readonly paths: Mapping;
  readonly servers: readonly Mapping[];
  readonly security: unknown;
  readonly securitySchemes: Mapping;
  /** Whether it marks any member as required. If it never does, a missing mark means nothing. */
  readonly tellsRequired: boolean;
  /** References that are broken, or point outside of the document. */
  readonly dangling = new Set<string>();
  readonly #root: Mapping;

  /** @throws OpenApiError */
  constructor(text: string) {
    if (Buffer.byteLength(text) > MAX_BYTES) {
      throw new OpenApiError('the document is larger than 32 MiB', 'remove everything except paths and schemas');
    }
    const lines = new LineCounter();
    const parsed = parseDocument(text, { lineCounter: lines, prettyErrors: false, maxAliasCount: 1_000 } as object);
    const [fault] = parsed.errors;
    if (fault !== undefined) {
      const { line } = lines.linePos(fault.pos[0]);
      throw new OpenApiError(`the document is neither YAML nor JSON: ${fault.message}`, 'correct that line', line);
    }
    if (!isMap(parsed.contents))
      throw new OpenApiError('this is not an OpenAPI document', 'it must start with openapi: 3.1.0');
    this.#root = parsed.toJS({ maxAliasCount: 1_000 }) as Mapping;
    checkVersion(this.#root);
    this.paths = mapping(this.#root.paths);
    if (Object.keys(this.paths).length === 0) {
      throw new OpenApiError(
        'the document has no paths',
        'it may be a part of another document: use the one with the paths',
      );
    }
    this.servers = list(this.#root.servers).map(mapping);
    this.security = this.#root.security;
    this.securitySchemes = mapping(mapping(this.#root.components).securitySchemes);
    this.tellsRequired = hasRequired(this.#root);
  }

  /** Resolves a value with `$ref`, and collects the names of the schemas on the way. */
  follow(value: unknown): { readonly value: Mapping; readonly names: readonly string[] } {
    const names: string[] = [];
    let found = mapping(value);
    for (let i = 0; i < MAX_REFERENCES && typeof found.$ref === 'string'; i++) {
      const reference = found.$ref;
      names.push(reference);
      const target = this.#resolve(reference);
      if (target === undefined) {
        this.dangling.add(reference);
        return { value: {}, names };
      }
      found = target;
    }
    return { value: typeof found.$ref === 'string' ? {} : found, names };
  }

  #resolve(reference: string): Mapping | undefined {
    if (!reference.startsWith('#/')) return undefined;
    let found: unknown = this.#root;
    for (const token of reference.slice(2).split('/')) {
      const name = decodeURIComponentOr(token).replaceAll('~1', '/').replaceAll('~0', '~');
      found =
        Object.hasOwn(mapping(found), name) || Array.isArray(found) ? Reflect.get(Object(found), name) : undefined;
    }
    return typeof found === 'object' && found !== null ? (found as Mapping) : undefined;
  }
}

/** Finds `required: [id]` of a schema; for a parameter it is a flag. Shared objects are visited once. */
function hasRequired(root: Mapping): boolean {
  const seen = new Set<unknown>();
  const rest: unknown[] = [root];
  for (let next = rest.pop(); next !== undefined; next = rest.pop()) {
    if (typeof next !== 'object' || next === null || seen.has(next)) continue;
    seen.add(next);
    if (Array.isArray((next as Mapping).required)) return true;
    rest.push(...Object.values(next).filter((each) => typeof each === 'object' && each !== null));
  }
  return false;
}

function checkVersion(root: Mapping): void {
  if (typeof root.swagger === 'string' || typeof root.swagger === 'number') {
    const hint = 'convert it first: npx swagger2openapi spec.yaml';
    throw new OpenApiError(`this is Swagger ${root.swagger}; OpenAPI 3 is required`, hint);
  }
  if (!/^3\./.test(String(root.openapi ?? ''))) {
    throw new OpenApiError('this is not an OpenAPI 3 document', 'it must start with openapi: 3.0.3 or 3.1.0');
  }
}

export const mapping = (value: unknown): Mapping =>
  typeof value === 'object' && value !== null && !Array.isArray(value) ? (value as Mapping) : {};
export const list = (value: unknown): readonly unknown[] => (Array.isArray(value) ? value : []);

function decodeURIComponentOr(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    // A percent sign that is not an escape is part of the name.
    return text;
  }
}
