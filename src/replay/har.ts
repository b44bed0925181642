import { type FieldLines, Fields, without } from '../http/fields.ts';
import { parseJson } from '../rules/json.ts';
import type { Json } from '../rules/types.ts';
import { type Entry, ReplayError } from './entry.ts';

/** A HAR is one JSON document, and cannot be read in parts. */
export const MAX_HAR_BYTES = 256 * 1024 * 1024;

interface HarField {
  readonly name?: unknown;
  readonly value?: unknown;
}

/** What is read of an entry (HAR 1.2 §4). Nothing in a file is taken for granted. */
interface HarEntry {
  readonly startedDateTime?: unknown;
  readonly time?: unknown;
  readonly request?: {
    readonly method?: unknown;
    readonly url?: unknown;
    readonly headers?: unknown;
    readonly bodySize?: unknown;
    readonly postData?: { readonly text?: unknown; readonly mimeType?: unknown };
  };
  readonly response?: {
    readonly status?: unknown;
    readonly headers?: unknown;
    readonly bodySize?: unknown;
    readonly content?: { readonly size?: unknown; readonly text?: unknown; readonly encoding?: unknown };
  };
}

/** The entries of a HAR in their order; a text says why one cannot be read. @throws ReplayError */
export function parseHar(text: string): (Entry | string)[] {
  let document: { log?: { entries?: unknown } };
  try {
    document = JSON.parse(text);
  } catch (error) {
    const why = error instanceof Error ? error.message : String(error);
    throw new ReplayError(`it begins like a HAR, but is no JSON: ${why}`, 'export it again, or give an access log');
  }
  const entries = document.log?.entries;
  if (!Array.isArray(entries)) {
    throw new ReplayError('it is JSON without log.entries', 'give a HAR, or an access log in the combined format');
  }
  return entries.map(entryOf);
}

function entryOf(written: HarEntry): Entry | string {
  const { request, response } = written ?? {};
  const startedAt = Date.parse(String(written?.startedDateTime));
  if (Number.isNaN(startedAt)) return 'no startedDateTime';
  const url = String(request?.url);
  if (!/^https?:/.test(url) || !URL.canParse(url)) return `"${url.slice(0, 80)}" is no URL`;
  const status = Number(response?.status);
  if (!Number.isInteger(status) || status < 100 || status > 599) return 'no response';
  const { host, pathname, search } = new URL(url);
  // NaN and -1 mean that it is not known.
  const time = Number(written.time) || 0;
  // Its bodies are decoded already.
  const responseHeaders = without(linesOf(response?.headers), (name) => ofTheCoding.has(name));
  const body = bodyOf(response);
  return {
    startedAt,
    endedAt: startedAt + Math.max(time, 0),
    method: String(request?.method).toUpperCase(),
    target: `${pathname}${search}`,
    host,
    // A browser shows the stored representation that a 304 confirmed.
    status: status === 304 && body !== undefined && body.byteLength > 0 ? 200 : status,
    bytes: bytesOf(response, body),
    requestHeaders: linesOf(request?.headers),
    responseHeaders,
    bodies: { request: requestBody(request), response: body },
  };
}

const ofTheCoding = new Set(['content-encoding', 'content-length', 'transfer-encoding']);

/** Without the pseudo-fields of HTTP/2 (`:path`). */
function linesOf(fields: unknown): FieldLines {
  if (!Array.isArray(fields)) return [];
  return fields.flatMap(({ name, value }: HarField) =>
    typeof name === 'string' && typeof value === 'string' && !name.startsWith(':') ? [name, value] : [],
  );
}

function requestBody(request: HarEntry['request']): Json {
  const { text, mimeType } = request?.postData ?? {};
  if (typeof text === 'string') return parseJson(text, typeof mimeType === 'string' ? mimeType : undefined);
  const length = Number(new Fields(linesOf(request?.headers)).get('content-length') ?? request?.bodySize ?? 0);
  return { missing: length > 0 ? 'not-read' : 'absent' };
}

function bodyOf(response: HarEntry['response']): Buffer | undefined {
  const { text, encoding, size } = response?.content ?? {};
  if (typeof text === 'string') return Buffer.from(text, encoding === 'base64' ? 'base64' : 'utf8');
  return Number(size) > 0 || Number(response?.bodySize) > 0 ? undefined : Buffer.alloc(0);
}

/** As sent, if the HAR says so. A browser that had it in its own cache says 0 or -1. */
function bytesOf(response: HarEntry['response'], body: Buffer | undefined): number {
  const sizes = [response?.bodySize, response?.content?.size, body?.byteLength].map(Number);
  return sizes.find((size) => size > 0) ?? 0;
}
