import type { ServerResponse } from 'node:http';
import type { Writable } from 'node:stream';
import type { GatewayError } from '../errors.ts';
import type { Reply } from '../exchange/ports.ts';
import { type FieldLines, pairs, valuesByName } from '../http/fields.ts';
import { problemBody, problemLines } from './problem.ts';

/** The way back to a client over Node's own HTTP server. */
export class NodeReply implements Reply {
  readonly #response: ServerResponse;

  constructor(response: ServerResponse) {
    this.#response = response;
    // A write after the client has left is not an error of ours; `gone` tells whoever writes.
    response.on('error', () => response.destroy());
  }

  get gone(): boolean {
    return this.#response.destroyed || this.#response.closed;
  }

  get begun(): boolean {
    return this.#response.headersSent;
  }

  onGone(listener: () => void): void {
    if (this.gone) listener();
    else this.#response.once('close', () => this.#response.writableFinished || listener());
  }

  interim(status: number, lines: FieldLines): void {
    // Node writes 102 and 103 alone; RFC 9110 §15.2 lets a proxy drop what it cannot forward.
    if (this.gone || this.#response.headersSent) return;
    if (status === 102) this.#response.writeProcessing();
    if (status === 103) this.#earlyHints(lines);
  }

  #earlyHints(lines: FieldLines): void {
    try {
      this.#response.writeEarlyHints(hints(lines));
    } catch (error) {
      // Node takes one kind of `Link` alone. RFC 9110 §15.2 lets a proxy leave out what it cannot forward.
      if ((error as NodeJS.ErrnoException).code !== 'ERR_INVALID_ARG_VALUE') throw error;
    }
  }

  send(status: number, lines: FieldLines, body: Buffer | undefined, headLength?: number): void {
    if (this.gone) return;
    const bodiless = status === 304 || status === 204 || status < 200;
    const length = body?.byteLength ?? headLength ?? 0;
    this.#response.writeHead(status, bodiless ? [...lines] : [...lines, 'Content-Length', String(length)]);
    if (body === undefined || bodiless) this.#response.end();
    else this.#response.end(body);
  }

  begin(status: number, lines: FieldLines): Writable {
    if (!this.gone) this.#response.writeHead(status, [...lines]);
    return this.#response;
  }

  /** Sends fields behind the body of a streamed response; only where it is chunked (RFC 9112 §7.1.2). */
  trailers(lines: FieldLines): void {
    this.#response.addTrailers(pairs(lines));
  }

  /** Fails, and lets the connection end with that: no request behind this one is taken. */
  refuse(error: GatewayError): void {
    this.#response.shouldKeepAlive = false;
    this.fail(error);
  }

  fail(error: GatewayError, lines: FieldLines = []): void {
    if (this.gone) return;
    if (this.#response.headersSent) {
      this.#response.destroy();
      return;
    }
    this.send(error.status, [...problemLines(error), ...lines], problemBody(error));
  }
}

function hints(lines: FieldLines): Record<string, string | string[]> & { link: string[] } {
  return { link: [], ...Object.fromEntries(valuesByName(lines)) };
}
