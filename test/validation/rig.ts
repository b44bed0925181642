import type { ClientRequest } from '../../src/exchange/ports.ts';
import { Fields } from '../../src/http/fields.ts';
import { parseTarget } from '../../src/route/path.ts';
import { compileValidation, type Validation, type ValidationSource } from '../../src/validation/compile.ts';

/** `PUT /settings`, with the lines of its head. */
function requestOf(line: string, lines: readonly string[] = ['Content-Type', 'application/json']): ClientRequest {
  const [method = '', target = ''] = line.split(' ');
  return {
    method,
    target: parseTarget(target),
    scheme: 'http',
    host: 'api.example',
    headers: new Fields(lines),
    peer: '127.0.0.1',
    trusted: false,
    client: { address: '127.0.0.1', isProxy: false },
  };
}

/** A JSON Schema for `PUT /settings`. Other files by their path. */
export function bySchema(schema: unknown, files: Readonly<Record<string, unknown>> = {}): Validation {
  return compileValidation(sourceOf('schema', schema, files));
}

export function byOpenApi(document: unknown, on: string, files: Readonly<Record<string, unknown>> = {}): Validation {
  return compileValidation({ ...sourceOf('openapi', document, files), ...writesOf(on) });
}

function writesOf(on: string): Pick<ValidationSource, 'methods' | 'pattern'> {
  const [methods = '', pattern = ''] = on.split(' ');
  return { methods: methods.split('|'), pattern };
}

function sourceOf(
  kind: ValidationSource['kind'],
  root: unknown,
  files: Readonly<Record<string, unknown>>,
): ValidationSource {
  const text = (value: unknown): string => (typeof value === 'string' ? value : JSON.stringify(value, null, 2));
  const read = (path: string): string | undefined => (Object.hasOwn(files, path) ? text(files[path]) : undefined);
  return { kind, text: text(root), read, ...writesOf('PUT /settings') };
}

/** What a check says, in short: `body /a: must be string`. */
export function told(check: Validation, line: string, body: unknown, lines?: readonly string[]): string[] {
  const text = typeof body === 'string' ? body : body === undefined ? '' : JSON.stringify(body);
  return check(requestOf(line, lines), Buffer.from(text)).map(
    ({ in: where, pointer, message }) => `${where} ${pointer}: ${message}`,
  );
}
