import type { IncomingHttpHeaders } from 'node:http';
import type { Readable } from 'node:stream';

/** A request as a handler sees it. */
export interface Call {
  readonly method: string;
  readonly path: string;
  readonly query: URLSearchParams;
  readonly headers: IncomingHttpHeaders;
  /** The decoded segments that the route's `:name`s matched. */
  readonly params: Readonly<Record<string, string>>;
  readonly body: Readable;
}

/** An answer, complete before any of it is sent. `headers` are in lower case. */
export interface Reply {
  readonly status: number;
  readonly headers?: Readonly<Record<string, string>>;
  /** A stream is opened only if the body is sent, so not for HEAD or a 304. */
  readonly body?: string | Uint8Array | (() => Readable);
}

export type Handler = (call: Call) => Promise<Reply>;

/** An error that is sent as an answer, in the API's JSON form `{error, message, …details}`. */
export class HttpError extends Error {
  override readonly name = 'HttpError';
  readonly status: number;
  readonly code: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly details: Readonly<Record<string, unknown>>;

  constructor(
    status: number,
    code: string,
    message: string,
    more: { headers?: Record<string, string>; details?: Record<string, unknown> } = {},
  ) {
    super(message);
    this.status = status;
    this.code = code;
    this.headers = more.headers ?? {};
    this.details = more.details ?? {};
  }
}

export function json(status: number, body: string, headers: Record<string, string> = {}): Reply {
  return { status, headers: { 'content-type': 'application/json; charset=utf-8', ...headers }, body };
}

export function errorReply(error: HttpError): Reply {
  const body = JSON.stringify({ error: error.code, message: error.message, ...error.details });
  return json(error.status, body, { ...error.headers });
}

/**
 * Replaces a reply by a 304 if the client already has its `ETag` (RFC 9110 §13.1.2: weak comparison, lists and `*`).
 * For GET and HEAD only.
 */
export function conditional(call: Call, reply: Reply): Reply {
  const etag = reply.headers?.etag;
  const wanted = call.headers['if-none-match'];
  if (etag === undefined || wanted === undefined || reply.status !== 200) return reply;
  const opaque = (tag: string) => tag.replace(/^W\//, '');
  const held = wanted.match(/(?:W\/)?"[^"]*"/g) ?? [];
  if (wanted.trim() !== '*' && !held.some((tag) => opaque(tag) === opaque(etag))) return reply;
  return { status: 304, headers: { etag } };
}
