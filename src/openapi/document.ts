import { isMap, LineCounter, parseDocument } from 'yaml';

/** Why no configuration can be drafted from a document; `hint` says what to do. */
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

/** A description is read whole, and its schemas are gone through for each route: nobody's API is larger than this. */
const MAX_BYTES = 32 * 1024 * 1024;
/** `$ref`s that lead to each other. */
const MAX_REFERENCES = 32;

/** An OpenAPI 3 document, its local references followed when they are asked for. */
export class OpenApiDocument {
  readonly paths: Mapping;
  readonly servers: readonly Mapping[];
  readonly security: unknown;
  /** Whether it says of any member that it is always there: where it never does, that it does not means nothing. */
  readonly tellsRequired: boolean;
  /** References that lead nowhere, or out of the document. */
  readonly dangling = new Set<string>();
  readonly #root: Mapping;

  /** @throws OpenApiError */
  constructor(text: string) {
    if (Buffer.byteLength(text) > MAX_BYTES) {
      throw new OpenApiError('the document is larger than 32 MiB', 'take out what is no path and no schema');
    }
    const lines = new LineCounter();
    const parsed = parseDocument(text, { lineCounter: lines, prettyErrors: false, maxAliasCount: 1_000 } as object);
    const [fault] = parsed.errors;
    if (fault !== undefined) {
      const { line } = lines.linePos(fault.pos[0]);
      throw new OpenApiError(`it is neither YAML nor JSON: ${fault.message}`, 'correct it at that line', line);
    }
    if (!isMap(parsed.contents)) throw new OpenApiError('it is no OpenAPI document', 'it begins with openapi: 3.1.0');
    this.#root = parsed.toJS({ maxAliasCount: 1_000 }) as Mapping;
    checkVersion(this.#root);
    this.paths = mapping(this.#root.paths);
    if (Object.keys(this.paths).length === 0) {
      throw new OpenApiError(
        'the document has no paths',
        'is it the part that others refer to? name the one with the paths',
      );
    }
    this.servers = list(this.#root.servers).map(mapping);
    this.security = this.#root.security;
    this.tellsRequired = hasRequired(this.#root);
  }

  /** What a value with `$ref` stands for, and the names of the schemas on the way. */
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

/** `required: [id]` of a schema. That of a parameter is a flag. Objects that aliases share are gone through once. */
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
    throw new OpenApiError(`it is Swagger ${root.swagger}, and OpenAPI 3 is needed`, hint);
  }
  if (!/^3\./.test(String(root.openapi ?? ''))) {
    throw new OpenApiError('it is no OpenAPI 3 document', 'it begins with openapi: 3.0.3, or 3.1.0');
  }
}

export const mapping = (value: unknown): Mapping =>
  typeof value === 'object' && value !== null && !Array.isArray(value) ? (value as Mapping) : {};
export const list = (value: unknown): readonly unknown[] => (Array.isArray(value) ? value : []);

function decodeURIComponentOr(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    // A name with a percent sign that is no escape is that name.
    return text;
  }
}
