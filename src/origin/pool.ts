import { isIP, type Socket } from 'node:net';
import { Readable } from 'node:stream';
import { buildConnector, type Client, Pool } from 'undici';
import type { OriginConfig } from '../config/model.ts';
import { OriginError } from '../errors.ts';
import type { OriginRequest, OriginResponse } from '../exchange/ports.ts';
import { type FieldLines, valuesOf, without } from '../http/fields.ts';
import type { AskedAs } from '../http/mapped.ts';
import { isRead } from '../http/methods.ts';
import { Answer } from './answer.ts';
import { type AssignedOptions, AssigningClient, Connection } from './pool-connection.ts';
import { RequestBody } from './request-body.ts';
import type { Watch, WatchableOrigin } from './watch.ts';

/** Limit on the header fields of one answer, so that an origin cannot exhaust the memory with them. */
export const MAX_ANSWER_HEAD_BYTES = 64 * 1024;

/**
 * How long an idle connection is kept if the origin's `Keep-Alive` does not say. Shorter than the 5 s after which Node
 * and Apache close idle connections, so that writes are rarely sent on a connection that is being closed.
 */
const KEEP_ALIVE_MS = 4_000;

/**
 * An origin behind a pool of HTTP/1.1 connections with one request at a time on each. `close` aborts requests in
 * flight, so a gateway that stops must drain its exchanges first.
 */
export function createOrigin(config: OriginConfig): PooledOrigin {
  return new PooledOrigin(config);
}

export class PooledOrigin implements WatchableOrigin {
  readonly askedAs: AskedAs | undefined;
  readonly serverErrors: OriginConfig['serverErrors'];
  readonly ownFields: FieldLines;
  readonly #pool: Pool;
  readonly #basePath: string;
  readonly #hostname: string;
  readonly #startWithinMs: number;
  readonly #misframed: OriginConfig['misframed'];
  readonly #open = new Set<Socket>();
  readonly #ownClient: () => AssigningClient;

  constructor(config: OriginConfig) {
    const url = new URL(config.url);
    this.askedAs = config.host === undefined ? undefined : { host: config.host, url: config.url };
    this.serverErrors = config.serverErrors;
    this.ownFields = Object.entries(config.headers).flat();
    this.#misframed = config.misframed;
    this.#basePath = url.pathname.replace(/\/+$/, '');
    this.#hostname = url.hostname;
    this.#startWithinMs = startWithinMs(config);
    const connector = buildConnector({ timeout: config.connectTimeoutMs, allowH2: false });
    // An IP address is not allowed as a TLS server name (RFC 6066 §3).
    // By name, it has the certificate of that name.
    const named = config.host === undefined ? url.hostname : new URL(`https://${config.host}`).hostname;
    const servername = isIP(named.replace(/^\[|\]$/g, '')) === 0 ? named : undefined;
    const settings: Client.Options = {
      pipelining: 1,
      headersTimeout: config.timeoutMs,
      bodyTimeout: config.timeoutMs,
      keepAliveTimeout: KEEP_ALIVE_MS,
      maxHeaderSize: MAX_ANSWER_HEAD_BYTES,
    };
    const client = (origin: URL, options: Client.Options): AssigningClient =>
      new AssigningClient(origin, options, new Connection(connector, servername, this.#open));
    this.#ownClient = () => client(new URL(url.origin), settings);
    this.#pool = new Pool(url.origin, { connections: config.connections, ...settings, factory: client });
  }

  fetch(request: OriginRequest, watch?: Watch): Promise<OriginResponse> {
    const refusal = refusalOf(request);
    if (refusal !== undefined) {
      request.place?.leave();
      return Promise.reject(new OriginError('originRefused', { sent: false, fault: 'request', ...refusal }));
    }
    const first = this.#attempt(request, { retried: false, watch });
    return first.head.catch((error: unknown) => {
      if (!first.lostToReuse || !replayable(request) || request.signal?.aborted === true) {
        request.place?.leave();
        throw error;
      }
      // Only once: RFC 9110 §9.2.2 forbids automatic retries of a failed automatic retry.
      return this.#attempt(request, { retried: true, watch }).head;
    });
  }

  async close(): Promise<void> {
    await this.#pool.destroy();
    // A pool forgets a connection whose first attempt to connect failed, even if a later one succeeded.
    for (const socket of this.#open) socket.destroy();
  }

  #attempt(request: OriginRequest, { retried, watch }: { retried: boolean; watch: Watch | undefined }): Answer {
    const answer = new Answer(request, { retried, watch, misframed: this.#misframed });
    const options: AssignedOptions = {
      method: request.method,
      path: this.#basePath + request.target,
      headers: sendable(request.headers),
      body: outgoing(request.body, answer),
      // Constant, so that undici does not reconnect for each `Host`. `Connection` sets the actual TLS server name.
      servername: this.#hostname,
      assign: (connection) => {
        answer.connection = connection;
      },
    };
    if (request.upgrade === undefined) this.#pool.dispatch(options, answer);
    else this.#upgrade({ ...options, upgrade: request.upgrade }, answer);
    answer.expectStartWithin(this.#startWithinMs);
    return answer;
  }

  /** Uses a connection outside of the pool, since an upgraded one never returns to it and may last for hours. */
  #upgrade(options: AssignedOptions, answer: Answer): void {
    const client = this.#ownClient();
    client.dispatch(options, answer);
    // Accepts no further requests, and closes after this one, whose `answer` is told of a failure.
    client.close().catch(() => undefined);
  }
}

/** How long a request may wait for a connection: for a new one, or until one of those that are busy is free. */
export function startWithinMs({ connectTimeoutMs, timeoutMs }: OriginConfig): number {
  return connectTimeoutMs + timeoutMs;
}

/** Why a request is not sent at all. */
function refusalOf({ method, body, signal }: OriginRequest): { detail: string; cause?: unknown } | undefined {
  if (method === 'CONNECT') return { detail: 'The gateway does not support tunnels' };
  if (signal?.aborted === true) return { detail: 'The request was cancelled', cause: signal.reason };
  if (body instanceof Readable && body.destroyed && !body.readableEnded) {
    return { detail: 'The request broke off before it was sent', cause: body.errored };
  }
  return undefined;
}

function outgoing(body: OriginRequest['body'], answer: Answer): Readable | Buffer | null {
  if (body === undefined || Buffer.isBuffer(body)) return body ?? null;
  const upload = new RequestBody(body, (error) => answer.cancel(error));
  answer.upload = upload;
  return upload.stream;
}

/** Whether a request may be sent again: its method is safe, and it has no body that was consumed (RFC 9110 §9.2.2). */
function replayable({ method, body }: OriginRequest): boolean {
  return isRead({ method }) && body === undefined;
}

/** Removes `Expect`: the gateway has answered it (RFC 9110 §10.1.1), and undici refuses to send it. */
function sendable(lines: FieldLines): string[] {
  return valuesOf(lines, 'expect').length === 0 ? (lines as string[]) : without(lines, (name) => name === 'expect');
}
