import { Agent, type IncomingHttpHeaders, type IncomingMessage, request } from 'node:http';
import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';

export interface Answer {
  readonly status: number;
  readonly headers: IncomingHttpHeaders;
  readonly rawHeaders: readonly string[];
  readonly body: Buffer;
  json<T = unknown>(): T;
  readonly text: string;
  /** Name, value, name, value, … */
  readonly trailers: readonly string[];
  /** The 1xx answers but 101 and 100. */
  readonly interim: readonly { readonly status: number; readonly rawHeaders: readonly string[] }[];
}

export interface RequestOptions {
  readonly method?: string;
  /** By name, or as raw lines: name, value, name, value, … */
  readonly headers?: Readonly<Record<string, string | readonly string[]>> | readonly string[];
  /** A stream without a `Content-Length` is sent chunked. An object is sent as JSON. */
  readonly body?: string | Buffer | Readable | Readonly<Record<string, unknown>> | readonly unknown[];
  readonly signal?: AbortSignal;
  /** Absent: a connection of its own, closed after the answer. */
  readonly agent?: Agent;
}

/** One request. Rejects when the connection fails or the answer breaks off. */
export async function get(url: string, options: RequestOptions = {}): Promise<Answer> {
  const interim: { status: number; rawHeaders: string[] }[] = [];
  const response = await head(url, options, interim);
  const chunks: Buffer[] = [];
  for await (const chunk of response) chunks.push(chunk as Buffer);
  const body = Buffer.concat(chunks);
  return {
    status: response.statusCode ?? 0,
    headers: response.headers,
    rawHeaders: response.rawHeaders,
    body,
    json: <T>() => JSON.parse(body.toString()) as T,
    text: body.toString(),
    trailers: response.rawTrailers,
    interim,
  };
}

/** One request, whose answer's body is read by the caller. */
export function stream(url: string, options: RequestOptions = {}): Promise<IncomingMessage> {
  return head(url, options, []);
}

/** A client of one's own, with connections that are kept and reused; closed by the test that opened it. */
export function testClient(options: { connections?: number } = {}): {
  get(url: string, options?: RequestOptions): Promise<Answer>;
  close(): void;
} {
  const agent = new Agent({ keepAlive: true, maxSockets: options.connections ?? Number.POSITIVE_INFINITY });
  return {
    get: (url, requestOptions = {}) => get(url, { ...requestOptions, agent }),
    close: () => agent.destroy(),
  };
}

function head(
  url: string,
  options: RequestOptions,
  interim: { status: number; rawHeaders: string[] }[],
): Promise<IncomingMessage> {
  const { body, lines } = encoded(url, options);
  return new Promise((resolve, reject) => {
    const outgoing = request(url, {
      method: options.method ?? 'GET',
      headers: lines,
      agent: options.agent ?? false,
      ...(options.signal === undefined ? {} : { signal: options.signal }),
    });
    outgoing.on('information', ({ statusCode, rawHeaders }) => {
      if (statusCode !== 100) interim.push({ status: statusCode, rawHeaders });
    });
    outgoing.on('response', resolve);
    outgoing.on('error', reject);
    // An answer that comes before the upload is over ends the upload too: what it says is what counts.
    if (body instanceof Readable) pipeline(body, outgoing).catch(reject);
    else outgoing.end(body);
  });
}

function encoded(
  url: string,
  options: RequestOptions,
): { lines: string[]; body: string | Buffer | Readable | undefined } {
  const given = options.headers ?? [];
  const lines: string[] = Array.isArray(given)
    ? [...(given as readonly string[])]
    : Object.entries(given).flatMap(([name, value]: [string, string | readonly string[]]) =>
        typeof value === 'string' ? [name, value] : value.flatMap((line) => [name, line]),
      );
  const has = (name: string) => lines.some((line, i) => i % 2 === 0 && line.toLowerCase() === name);
  // Node adds no `Host` to raw lines.
  if (!has('host')) lines.unshift('Host', new URL(url).host);
  // As most clients do. The connection is closed behind the answer all the same.
  if (!has('connection')) lines.push('Connection', 'keep-alive');
  let { body } = options;
  if (body !== undefined && typeof body !== 'string' && !Buffer.isBuffer(body) && !(body instanceof Readable)) {
    body = JSON.stringify(body);
    if (!has('content-type')) lines.push('Content-Type', 'application/json');
  }
  if ((typeof body === 'string' || Buffer.isBuffer(body)) && !has('content-length') && !has('transfer-encoding')) {
    lines.push('Content-Length', String(Buffer.byteLength(body)));
  }
  return { lines, body };
}
