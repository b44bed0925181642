import type { AskedInvalidation, Fault } from '../exchange/inspect/asked-targets.ts';
import type { ProposedWrite } from '../exchange/inspect/proposed-write.ts';

/** Targets of one request: what an operator pastes in is a mistake beyond this, and would be one record. */
const MAX_TARGETS = 10_000;
const MAX_TARGET_LENGTH = 8_192;

/** A body as it was asked for, or all that is wrong with it. */
export type Parsed<T> = { readonly value: T } | { readonly faults: readonly Fault[] };

/** `{paths: ["/steps/7"], tags: ["step:7"], dryRun: true}` */
export function parseInvalidation(body: unknown): Parsed<AskedInvalidation> {
  const fields = new BodyFields(body, ['paths', 'tags', 'dryRun']);
  const paths = fields.texts('paths');
  const tags = fields.texts('tags');
  const dryRun = fields.flag('dryRun');
  if (fields.faults.length === 0 && paths.length + tags.length === 0) {
    fields.fault('', 'nothing is named', 'send {"paths": ["/steps/7"]} or {"tags": ["step:7"]}');
  }
  if (paths.length + tags.length > MAX_TARGETS) {
    fields.fault('', `more than ${MAX_TARGETS} targets`, 'use wildcards, or send several requests');
  }
  return fields.faults.length > 0 ? { faults: fields.faults } : { value: { paths, tags, dryRun } };
}

/** URLs of one request. Each may have many copies, and the API is asked for each of these. */
const MAX_URLS = 100;

/** `{urls: ["/steps/7", "http://api.example/steps?page=2"]}` */
export function parseVerification(body: unknown): Parsed<readonly string[]> {
  const fields = new BodyFields(body, ['urls']);
  const urls = fields.texts('urls');
  if (fields.faults.length === 0 && urls.length === 0) {
    fields.fault('urls', 'nothing is named', 'send {"urls": ["/steps/7"]}');
  }
  if (urls.length > MAX_URLS) fields.fault('urls', `more than ${MAX_URLS} URLs`, 'send several requests');
  return fields.faults.length > 0 ? { faults: fields.faults } : { value: urls };
}

/** `{id: "k3Vq-41"}`, or nothing for all dead letters. */
export function parseRedelivery(body: unknown): Parsed<{ readonly id: string | undefined }> {
  const fields = new BodyFields(body, ['id']);
  const id = fields.text('id');
  return fields.faults.length > 0 ? { faults: fields.faults } : { value: { id } };
}

/**
 * `{method: "PUT", path: "/accommodations/42", status: 200, request, response, before, current, lookups,
 * requestHeaders, responseHeaders}`. The value of a field is a text, or a list of them where the field is repeated. A
 * body is JSON, or a text that holds it: numbers that JavaScript cannot hold survive only in a text.
 */
export function parseProposedWrite(body: unknown): Parsed<ProposedWrite & { readonly all: boolean }> {
  const names = ['method', 'path', 'status', 'request', 'response', 'before', 'current', 'lookups'];
  const fields = new BodyFields(body, [...names, 'requestHeaders', 'responseHeaders', 'all']);
  const method = fields.text('method') ?? '';
  const target = fields.text('path') ?? '';
  if (!/^[!#$%&'*+\-.^_`|~0-9A-Za-z]+$/.test(method)) fields.fault('method', 'it is no method', 'write PUT');
  if (!target.startsWith('/')) fields.fault('path', 'it is no path', 'write /accommodations/42');
  const status = fields.status('status');
  const write = {
    method,
    target,
    status,
    request: fields.json('request'),
    response: fields.json('response'),
    before: fields.json('before'),
    current: fields.json('current'),
    lookups: fields.jsonByName('lookups'),
    requestHeaders: fields.headers('requestHeaders'),
    responseHeaders: fields.headers('responseHeaders'),
    all: fields.flag('all'),
  };
  return fields.faults.length > 0 ? { faults: fields.faults } : { value: write };
}

/** The members of a JSON object, each read as the type that it must have. Keeps all faults. */
class BodyFields {
  readonly faults: Fault[] = [];
  readonly #members: Readonly<Record<string, unknown>>;

  constructor(body: unknown, known: readonly string[]) {
    const isObject = typeof body === 'object' && body !== null && !Array.isArray(body);
    this.#members = isObject ? (body as Record<string, unknown>) : {};
    if (!isObject) this.fault('', 'the body is no JSON object', `send {"${known[0]}": …}`);
    for (const name of Object.keys(this.#members)) {
      if (!known.includes(name)) this.fault(name, 'nothing is called that here', `known are ${known.join(', ')}`);
    }
  }

  fault(at: string, message: string, hint: string): void {
    this.faults.push({ at, message, hint });
  }

  #of(name: string): unknown {
    return Object.hasOwn(this.#members, name) ? this.#members[name] : undefined;
  }

  text(name: string): string | undefined {
    const value = this.#of(name);
    if (value === undefined || typeof value === 'string') return value;
    this.fault(name, 'it is no text', 'put it in quotes');
    return undefined;
  }

  flag(name: string): boolean {
    const value = this.#of(name);
    if (value !== undefined && typeof value !== 'boolean') this.fault(name, 'it is no flag', 'write true or false');
    return value === true;
  }

  status(name: string): number {
    const value = this.#of(name) ?? 200;
    if (typeof value === 'number' && Number.isInteger(value) && value >= 200 && value <= 599) return value;
    this.fault(name, 'it is no status of an answer', 'write a number from 200 to 599');
    return 200;
  }

  texts(name: string): string[] {
    const value = this.#of(name) ?? [];
    if (!Array.isArray(value)) {
      this.fault(name, 'it is no list', `write "${name}": ["…"]`);
      return [];
    }
    for (const [i, each] of value.entries()) {
      if (typeof each !== 'string') this.fault(`${name}[${i}]`, 'it is no text', 'put it in quotes');
      else if (each.length > MAX_TARGET_LENGTH) {
        this.fault(`${name}[${i}]`, `it is longer than ${MAX_TARGET_LENGTH} characters`, 'use a wildcard');
      }
    }
    return value.filter((each) => typeof each === 'string');
  }

  json(name: string): string | undefined {
    const value = this.#of(name);
    return value === undefined || typeof value === 'string' ? value : JSON.stringify(value);
  }

  jsonByName(name: string): Record<string, string> {
    const texts = Object.entries(this.#object(name)).map(([key, value]) => [
      key,
      typeof value === 'string' ? value : JSON.stringify(value),
    ]);
    return Object.fromEntries(texts);
  }

  headers(name: string): string[] {
    return Object.entries(this.#object(name)).flatMap(([field, written]) => {
      const values: unknown[] = Array.isArray(written) ? written : [written];
      return values.flatMap((value) => {
        if (typeof value === 'string' && !/[\r\n\0]/.test(value)) return [field, value];
        this.fault(`${name}.${field}`, 'it is no field value', 'write a text of one line, or a list of them');
        return [];
      });
    });
  }

  #object(name: string): object {
    const value = this.#of(name) ?? {};
    if (typeof value === 'object' && value !== null && !Array.isArray(value)) return value;
    this.fault(name, 'it is no object', `write "${name}": {}`);
    return {};
  }
}
