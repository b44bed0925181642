import type { Socket } from 'node:net';
import type { Writable } from 'node:stream';
import type { GatewayError } from '../errors.ts';
import { type Content, latin1Of, lengthOf, MAX_JOINED_BYTES } from '../http/content.ts';
import type { FieldLines } from '../http/fields.ts';
import { answerHead, fieldText, statusLine } from './answer-head.ts';
import { AnswerStream } from './answer-stream.ts';
import { hintsText } from './early-hints.ts';
import { problemBody, problemLines } from './problem-json.ts';
import { writeAnswer } from './socket-write.ts';
import { isBodiless, nowhere, type StreamedReply } from './streamed-reply.ts';

export interface SocketReplyOptions {
  readonly isHead: boolean;
  /** The lines of each head that say that the connection is kept. */
  readonly persistence: string;
  /** All of the answer has been given to the socket. */
  readonly ended: () => void;
}

/** The way back to a client whose request was read from its socket. It writes as Node's HTTP server would. */
export class SocketReply implements StreamedReply {
  readonly #isHead: boolean;
  readonly #persistence: string;
  /** Leads to the connection. */
  #ended: (() => void) | undefined;
  /** Undefined once the answer has been given, or the client has left. */
  #socket: Socket | undefined;
  #onGone: (() => void)[] = [];
  #begun = false;
  #stream: AnswerStream | undefined;

  constructor(socket: Socket, { isHead, persistence, ended }: SocketReplyOptions) {
    this.#socket = socket;
    this.#isHead = isHead;
    this.#persistence = persistence;
    this.#ended = ended;
  }

  get gone(): boolean {
    return this.#socket === undefined || this.#socket.destroyed;
  }

  get begun(): boolean {
    return this.#begun;
  }

  onGone(listener: () => void): void {
    if (this.gone) listener();
    else this.#onGone.push(listener);
  }

  /** The connection has closed, and is let go of: an exchange that waits for the origin still holds this reply. */
  closed(): void {
    const listeners = this.#onGone;
    this.#onGone = [];
    this.#socket = undefined;
    this.#ended = undefined;
    this.#stream?.destroy();
    this.#stream = undefined;
    for (const listener of listeners) listener();
  }

  interim(status: number, lines: FieldLines): void {
    // As Node's server does, which writes these two alone. RFC 9110 §15.2 lets a proxy drop what it cannot forward.
    if (this.gone || this.#begun || (status !== 102 && status !== 103)) return;
    const text = status === 103 ? hintsText(lines) : `${statusLine(status)}\r\n`;
    if (text !== undefined) this.#socket?.write(text, 'latin1');
  }

  send(status: number, lines: FieldLines, body: Content | undefined, headLength?: number): void {
    const socket = this.#socket;
    if (socket === undefined || this.gone) return;
    const length = body === undefined ? (headLength ?? 0) : lengthOf(body);
    const head = this.#head(status, lines, isBodiless(status) ? undefined : length);
    if (body === undefined || !this.#hasBody(status)) {
      socket.write(head.text, 'latin1');
    } else if (length <= MAX_JOINED_BYTES) {
      socket.write(head.text + latin1Of(body), 'latin1');
    } else {
      writeAnswer(socket, head.text, body);
    }
    this.#end();
  }

  begin(status: number, lines: FieldLines): Writable {
    const socket = this.#socket;
    if (socket === undefined || this.gone) return nowhere();
    const { text: head, isChunked } = this.#head(status, lines, undefined);
    const ended = (): void => this.#end();
    this.#stream = new AnswerStream(socket, { head, isChunked, isBodiless: !this.#hasBody(status), ended });
    return this.#stream;
  }

  chunks(status: number): boolean {
    return this.#hasBody(status);
  }

  trailers(lines: FieldLines): void {
    if (this.#stream !== undefined) this.#stream.trailers = fieldText(lines);
  }

  fail(error: GatewayError, lines: FieldLines = []): void {
    if (this.gone) return;
    // Only the end of the connection tells a client that an answer which has begun is not complete.
    if (this.#begun) this.#socket?.destroy();
    else this.send(error.status, [...problemLines(error), ...lines], problemBody(error));
  }

  #hasBody(status: number): boolean {
    return !this.#isHead && !isBodiless(status);
  }

  /** A head that cannot be sent closes the connection: its client would wait. */
  #head(status: number, lines: FieldLines, length: number | undefined): ReturnType<typeof answerHead> {
    this.#begun = true;
    try {
      return answerHead(status, lines, { length, mayBeChunked: this.#hasBody(status), persistence: this.#persistence });
    } catch (error) {
      this.#socket?.destroy();
      throw error;
    }
  }

  /** Lets go of the connection: whoever holds this reply may go on for long after the answer. */
  #end(): void {
    const ended = this.#ended;
    this.#socket = undefined;
    this.#onGone = [];
    this.#ended = undefined;
    this.#stream = undefined;
    ended?.();
  }
}
