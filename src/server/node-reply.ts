import type { IncomingMessage, ServerResponse } from 'node:http';
import type { Writable } from 'node:stream';
import type { GatewayError } from '../errors.ts';
import { endWith } from '../exchange/pump.ts';
import { type Content, lengthOf } from '../http/content.ts';
import { type FieldLines, pairs } from '../http/fields.ts';
import { writeHints } from './early-hints.ts';
import { hasBody } from './message.ts';
import { problemBody, problemLines } from './problem-json.ts';
import { isBodiless, nowhere, type StreamedReply } from './streamed-reply.ts';

/** A write after the client has left is not an error of ours; `gone` tells the caller. */
function destroyed(this: ServerResponse): void {
  this.destroy();
}

/** The way back to a client over Node's own HTTP server. */
export class NodeReply implements StreamedReply {
  /** Undefined once the client has left, where `forgetWhenGone` was called. */
  #response: ServerResponse | undefined;
  /** Called when the client leaves. One listener of the response calls them all; undefined while it has none. */
  #onGone: (() => void)[] | undefined;
  #forgets = false;

  constructor(response: ServerResponse) {
    this.#response = response;
    response.on('error', destroyed);
  }

  get gone(): boolean {
    return this.#response === undefined || this.#response.destroyed || this.#response.closed;
  }

  get begun(): boolean {
    return this.#response?.headersSent === true;
  }

  onGone(listener: () => void): void {
    if (this.gone) listener();
    else this.#listeners().push(listener);
  }

  /**
   * For requests that are not answered at once. An exchange that waits for the origin holds this reply. Without this it
   * would also hold the connection, and every request pipelined there, long after the client has left.
   */
  forgetWhenGone(): void {
    const response = this.#response;
    if (response === undefined || response.writableEnded) return;
    this.#forgets = true;
    this.#listeners();
  }

  #listeners(): (() => void)[] {
    if (this.#onGone !== undefined) return this.#onGone;
    this.#onGone = [];
    this.#response?.on('close', () => this.#closed());
    return this.#onGone;
  }

  #closed(): void {
    const listeners = this.#response?.writableFinished === true ? [] : (this.#onGone ?? []);
    if (this.#forgets) this.#response = undefined;
    this.#onGone = [];
    for (const listener of listeners) listener();
  }

  interim(status: number, lines: FieldLines): void {
    // Node writes 102 and 103 alone; RFC 9110 §15.2 lets a proxy drop what it cannot forward.
    const response = this.#response;
    if (response === undefined || this.gone || response.headersSent) return;
    // RFC 9110 §15.2: HTTP/1.0 does not have them, and a proxy may leave them out. While earlier answers are due, Node
    // keeps them, and writes the head of the answer in front of them: they would be part of its body.
    if (response.req.httpVersion !== '1.1' || response.socket === null) return;
    if (status === 102) response.writeProcessing();
    if (status === 103) writeHints(response, lines);
  }

  send(status: number, lines: FieldLines, body: Content | undefined, headLength?: number): void {
    const response = this.#response;
    if (response === undefined || this.gone) return;
    consume(response.req);
    const bodiless = isBodiless(status);
    const length = body === undefined ? (headLength ?? 0) : lengthOf(body);
    writeHead(response, status, bodiless ? [...lines] : [...lines, 'Content-Length', String(length)]);
    if (body === undefined || bodiless) response.end();
    else endWith(response, body);
  }

  begin(status: number, lines: FieldLines): Writable {
    const response = this.#response;
    if (response === undefined) return nowhere();
    if (this.gone) return response;
    consume(response.req);
    writeHead(response, status, [...lines]);
    return response;
  }

  chunks(status: number): boolean {
    const { httpVersion, method } = this.#response?.req ?? {};
    return httpVersion === '1.1' && method !== 'HEAD' && !isBodiless(status);
  }

  trailers(lines: FieldLines): void {
    this.#response?.addTrailers(pairs(lines));
  }

  /** Fails, and lets the connection end with that: no request behind this one is taken. */
  refuse(error: GatewayError): void {
    if (this.#response !== undefined) this.#response.shouldKeepAlive = false;
    this.fail(error);
  }

  fail(error: GatewayError, lines: FieldLines = []): void {
    const response = this.#response;
    if (response === undefined || this.gone) return;
    if (response.headersSent) {
      response.destroy();
      return;
    }
    this.send(error.status, [...problemLines(error), ...lines], problemBody(error));
  }
}

/** Ends the reading of a request without a body. Node does that behind each answer, in twice as many ticks. */
function consume(request: IncomingMessage): void {
  if (request.complete && !hasBody(request)) request.read();
}

/** A response whose head Node refuses has half a state of its own: what it sent next would be framed by both. */
function writeHead(response: ServerResponse, status: number, lines: string[]): void {
  try {
    response.writeHead(status, lines);
  } catch (error) {
    response.destroy();
    throw error;
  }
}
