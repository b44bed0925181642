import { GatewayError, OriginError } from '../../errors.ts';
import type { Fields } from '../../http/fields.ts';
import { essenceOf } from '../../http/media-type.ts';
import { boundaryOf, MAX_BOUNDARY_CHARACTERS } from '../../http/multipart.ts';
import { decodedBody, readJson } from '../body.ts';
import { isMethodField } from '../forward.ts';
import type { ClientRequest } from '../ports.ts';

/** Of the head of a part. Some frameworks take more, so a longer one is refused: it may name a method. */
const MAX_PART_HEAD_BYTES = 16 * 1024;
/** Of a method. */
const MAX_METHOD_BYTES = 64;

/**
 * Methods that the body of a POST names in place of its own, as Rails, Laravel and Symfony take them: the field
 * `_method` of a form, or that member of a JSON object. Only bodies of paths that `writes` names are looked at.
 */
export class BodyMethods {
  readonly #headers: Fields;
  readonly #parts: PartMethods | undefined;
  readonly #kind: 'form' | 'json' | 'parts';

  private constructor(headers: Fields, kind: 'form' | 'json' | 'parts', parts: PartMethods | undefined) {
    this.#headers = headers;
    this.#kind = kind;
    this.#parts = parts;
  }

  /**
   * Undefined if the body can name none.
   * @throws GatewayError badRequest: its parts cannot be told apart
   */
  static of({ method, headers }: Pick<ClientRequest, 'method' | 'headers'>): BodyMethods | undefined {
    if (method !== 'POST') return undefined;
    const type = essenceOf(headers.get('content-type'));
    // Rack takes a POST without a type for a form.
    if (type === 'application/x-www-form-urlencoded' || type === '') return new BodyMethods(headers, 'form', undefined);
    if (/[/+]json$/.test(type)) return new BodyMethods(headers, 'json', undefined);
    const boundary = boundaryOf(headers);
    if (boundary === undefined) return undefined;
    if (boundary.length > MAX_BOUNDARY_CHARACTERS)
      throw new GatewayError('badRequest', `the boundary of a form has at most ${MAX_BOUNDARY_CHARACTERS} characters`);
    return new BodyMethods(headers, 'parts', new PartMethods(boundary));
  }

  /** A form has to be held whole. The parts of a long multipart form are looked at while they arrive. */
  get needsWhole(): boolean {
    return this.#kind === 'form';
  }

  get isJson(): boolean {
    return this.#kind === 'json';
  }

  /**
   * Called with each chunk that arrives. @throws OriginError badRequest: the method comes too late, or cannot be read
   */
  readonly arrived = (chunk: Buffer): void => this.#parts?.add(chunk);

  /** Called once, when as much of the body has arrived as is received ahead. @param whole undefined: more will come */
  named(whole: Buffer | undefined): readonly string[] {
    if (this.#parts !== undefined) return this.#parts.taken(whole !== undefined);
    if (whole === undefined) return [];
    const body = decodedBody(whole, this.#headers) ?? whole;
    return methodsAmong(this.#kind === 'form' ? formFields(body) : jsonMembers(body, this.#headers));
  }
}

const methodsAmong = (fields: Iterable<readonly [string, string]>): string[] =>
  [...fields].flatMap(([name, value]) =>
    isMethodField(name) && value.trim() !== '' ? [value.trim().toUpperCase()] : [],
  );

function formFields(body: Buffer): Iterable<[string, string]> {
  // Most forms name none.
  const text = body.toString('latin1');
  return /method|%/i.test(text) ? new URLSearchParams(text) : [];
}

function jsonMembers(body: Buffer, headers: Fields): [string, string][] {
  if (!body.includes('_method') && !body.includes('\\u')) return [];
  const json = readJson(body, headers);
  const value = 'value' in json ? json.value : undefined;
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return [];
  return Object.entries(value).flatMap(([name, each]) => (typeof each === 'string' ? [[name, each]] : []));
}

/** Reads the parts of a multipart form as they arrive, and keeps no more of them than it needs. */
class PartMethods {
  readonly #delimiter: string;
  readonly #methods: string[] = [];
  /** What is not decided yet, a byte a character. */
  #text = '';
  #within: 'content' | 'head' | 'method' = 'content';
  #isLate = false;

  constructor(boundary: string) {
    this.#delimiter = `--${Buffer.from(boundary).toString('latin1')}`;
  }

  add(chunk: Buffer): void {
    this.#text += chunk.toString('latin1');
    while (this.#step());
  }

  taken(isWhole: boolean): readonly string[] {
    if (isWhole && this.#within === 'method') this.#found(this.#text);
    this.#isLate = true;
    return this.#methods;
  }

  /** Whether to go on with what is left. */
  #step(): boolean {
    if (this.#within === 'head') return this.#readHead();
    const end = this.#text.indexOf(this.#delimiter);
    if (end >= 0) {
      if (this.#within === 'method') this.#found(this.#text.slice(0, end));
      this.#text = this.#text.slice(end + this.#delimiter.length);
      this.#within = 'head';
      return true;
    }
    if (this.#within === 'method' && this.#text.length < this.#delimiter.length + MAX_METHOD_BYTES) return false;
    this.#within = 'content';
    // A part of the delimiter may be at the end.
    this.#text = this.#text.slice(-this.#delimiter.length);
    return false;
  }

  #readHead(): boolean {
    const end = /\r?\n\r?\n/.exec(this.#text);
    if ((end?.index ?? this.#text.length) >= MAX_PART_HEAD_BYTES) throw refused('the head of a part is too long');
    if (end === null) return false;
    const head = this.#text.slice(0, end.index);
    this.#text = this.#text.slice(end.index + end[0].length);
    this.#within = nameOf(head).some(isMethodField) ? 'method' : 'content';
    return true;
  }

  #found(text: string): void {
    const method = text.trim().toUpperCase();
    if (method === '' || method.length > MAX_METHOD_BYTES) return;
    this.#methods.push(method);
    if (!this.#isLate || method === 'POST') return;
    throw refused('send the method itself, or name it at the beginning of the form: writes of this path are protected');
  }
}

function refused(detail: string): OriginError {
  return new OriginError('badRequest', { sent: true, fault: 'request', detail });
}

/** What the head of a part calls it: more than one name if it is malformed. */
function nameOf(head: string): string[] {
  const disposition = /^content-disposition:((?:.|\r?\n[ \t])*)/im.exec(head)?.[1] ?? '';
  const names = disposition.matchAll(/[;\s]name\s*=\s*(?:"([^"]*)"|'([^']*)'|([^\s;]+))/gi);
  return [...names].map(([, quoted, single, token]) => quoted ?? single ?? token ?? '');
}
