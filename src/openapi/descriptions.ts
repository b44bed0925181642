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
/** Files that a description is split into. DigitalOcean's has 3,000. */
const MAX_FILES = 10_000;

/** The files of one description. The first is `root`, and the paths of the others are relative to it. */
export class Descriptions {
  readonly root: Mapping;
  readonly #read: (path: string) => string | undefined;
  readonly #files = new Map<string, unknown>();
  #bytes = 0;
  /** How many files were read when `tellsRequired` last searched them, and what it found. */
  #searched = { files: 0, found: false };

  /** @throws OpenApiError */
  constructor(text: string, read: (path: string) => string | undefined) {
    this.#read = read;
    this.root = mapping(this.#parse(text));
    if (Object.keys(this.root).length === 0)
      throw new OpenApiError('this is not an OpenAPI document', 'it must start with openapi: 3.1.0');
    absoluteReferences(this.root, '');
    this.#files.set('', this.root);
  }

  /**
   * @param reference `#/components/schemas/Step`, or with the file before it: `models/step.yml#/Step`
   * @returns undefined if it is broken, or may not be read
   */
  resolve(reference: string): Mapping | undefined {
    const hash = reference.indexOf('#');
    const path = hash < 0 ? reference : reference.slice(0, hash);
    const pointer = hash < 0 ? '' : reference.slice(hash + 1);
    let found: unknown = this.#file(path);
    if (pointer !== '' && !pointer.startsWith('/')) return undefined;
    for (const token of pointer === '' ? [] : pointer.slice(1).split('/')) {
      const name = decodeURIComponentOr(token).replaceAll('~1', '/').replaceAll('~0', '~');
      found =
        Object.hasOwn(mapping(found), name) || Array.isArray(found) ? Reflect.get(Object(found), name) : undefined;
    }
    return typeof found === 'object' && found !== null ? (found as Mapping) : undefined;
  }

  /** Finds `required: [id]` of a schema; for a parameter it is a flag. Shared objects are visited once. */
  tellsRequired(): boolean {
    if (!this.#searched.found && this.#searched.files !== this.#files.size)
      this.#searched = { files: this.#files.size, found: this.#findRequired() };
    return this.#searched.found;
  }

  #findRequired(): boolean {
    const seen = new Set<unknown>();
    const rest: unknown[] = [...this.#files.values()];
    for (let next = rest.pop(); next !== undefined; next = rest.pop()) {
      if (typeof next !== 'object' || next === null || seen.has(next)) continue;
      seen.add(next);
      if (Array.isArray((next as Mapping).required)) return true;
      rest.push(...Object.values(next).filter((each) => typeof each === 'object' && each !== null));
    }
    return false;
  }

  #file(path: string): unknown {
    if (this.#files.has(path)) return this.#files.get(path);
    // Only files next to the description are read; nothing is fetched.
    const isLocal = !/^[A-Za-z][A-Za-z0-9+.-]*:|^\//.test(path) && !path.split('/').includes('..');
    const text = isLocal && this.#files.size < MAX_FILES ? this.#read(path) : undefined;
    let value: unknown;
    try {
      value = text === undefined ? undefined : this.#parse(text);
    } catch (error) {
      if (!(error instanceof OpenApiError)) throw error;
      throw new OpenApiError(`${path}: ${error.message}`, error.hint, error.line);
    }
    if (value !== undefined) absoluteReferences(value, path);
    this.#files.set(path, value);
    return value;
  }

  #parse(text: string): unknown {
    this.#bytes += Buffer.byteLength(text);
    if (this.#bytes > MAX_BYTES) {
      throw new OpenApiError('the document is larger than 32 MiB', 'remove everything except paths and schemas');
    }
    if (/^\s*[{[]/.test(text)) {
      try {
        // Twenty times as fast as a parser that knows the line of each value. What it refuses may still be YAML.
        return JSON.parse(text) as unknown;
      } catch {
        return parsedYaml(text);
      }
    }
    return parsedYaml(text);
  }
}

function parsedYaml(text: string): unknown {
  const lines = new LineCounter();
  const parsed = parseDocument(text, {
    lineCounter: lines,
    prettyErrors: false,
    maxAliasCount: 1_000,
    uniqueKeys: false,
  } as object);
  const [fault] = parsed.errors;
  if (fault !== undefined) {
    const { line } = lines.linePos(fault.pos[0]);
    throw new OpenApiError(`the document is neither YAML nor JSON: ${fault.message}`, 'correct that line', line);
  }
  return isMap(parsed.contents) ? parsed.toJS({ maxAliasCount: 1_000 }) : undefined;
}

/** Makes the references of a file relative to the description. `#/Step` in `models/step.yml` is its own. */
function absoluteReferences(root: unknown, file: string): void {
  const seen = new Set<object>();
  const rest: unknown[] = [root];
  while (rest.length > 0) {
    const next = rest.pop();
    if (typeof next !== 'object' || next === null || seen.has(next)) continue;
    seen.add(next);
    const reference: unknown = Reflect.get(next, '$ref');
    if (typeof reference === 'string') Reflect.set(next, '$ref', from(file, reference));
    rest.push(...Object.values(next));
  }
}

/** `../shared/id.yml` from `models/step.yml` is `shared/id.yml`. */
function from(file: string, reference: string): string {
  if (reference.startsWith('#')) return `${file}${reference}`;
  if (/^[A-Za-z][A-Za-z0-9+.-]*:|^\//.test(reference)) return reference;
  return normalized([...file.split('/').slice(0, -1), reference].join('/'));
}

/** Without `.` and with `..` only at the beginning, where it leaves the directory. */
function normalized(reference: string): string {
  const hash = reference.indexOf('#');
  const path = hash < 0 ? reference : reference.slice(0, hash);
  const parts: string[] = [];
  for (const part of path.split('/')) {
    if (part === '..' && parts.length > 0 && parts.at(-1) !== '..') parts.pop();
    else if (part !== '.' && part !== '') parts.push(part);
  }
  return parts.join('/') + (hash < 0 ? '' : reference.slice(hash));
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
