import type { IncomingHttpHeaders } from 'node:http';
import { type Duplex, Readable } from 'node:stream';
import type { Dispatcher } from 'undici';
import { OriginError } from '../errors.ts';
import type { OriginRequest, OriginResponse } from '../exchange/ports.ts';
import { type FieldLines, Fields } from '../http/fields.ts';
import { splitList } from '../http/list.ts';
import type { Connection } from './connection.ts';
import { isClosure, originFailure } from './failure.ts';
import type { Upload } from './upload.ts';

/** Interim answers to one request. Stops an origin from holding a request for ever by never coming to the final one. */
export const MAX_INTERIM_ANSWERS = 32;

/** What is read ahead of the reader of a body; beyond it the connection is paused. */
const READ_AHEAD_BYTES = 64 * 1024;

/** One attempt to have a request answered: undici's handler on one side, an `OriginResponse` on the other. */
export class Answer implements Dispatcher.DispatchHandler {
  /** The head of the final answer; its body follows. Rejects with an `OriginError`. */
  readonly head: Promise<OriginResponse>;
  #resolve: (response: OriginResponse) => void = () => {};
  #reject: (error: OriginError) => void = () => {};
  readonly #signal: AbortSignal | undefined;
  readonly #onInterim: OriginRequest['onInterim'];
  readonly #retried: boolean;
  #upload: Upload | undefined;
  #connection: Connection | undefined;
  #controller: Dispatcher.DispatchController | undefined;
  #state: 'waiting' | 'sent' | 'answered' | 'over' = 'waiting';
  #reused = false;
  #begun = false;
  #lostToReuse = false;
  #overrun = false;
  #interims = 0;
  #body: Readable | undefined;
  #trailers: FieldLines = [];
  #waitTimer: NodeJS.Timeout | undefined;

  readonly #misframed: 'bypass' | 'store';

  /**
   * `retried`: an attempt before this one was sent; whatever becomes of this one, the origin may know of the request. `misframed`: what
   * becomes of an answer whose end is not certain.
   */
  constructor(request: OriginRequest, retried: boolean, misframed: 'bypass' | 'store') {
    this.#misframed = misframed;
    this.head = new Promise((resolve, reject) => {
      this.#resolve = resolve;
      this.#reject = reject;
    });
    this.#signal = request.signal;
    this.#onInterim = request.onInterim;
    this.#retried = retried;
    this.#signal?.addEventListener('abort', this.#onAbort, { once: true });
  }

  /** Told of the request body, and of the connection, when there are such. */
  set upload(upload: Upload) {
    this.#upload = upload;
  }

  set connection(connection: Connection) {
    this.#connection = connection;
  }

  /**
   * Failed because the origin closed a kept connection just as the request was written to it: no byte of an answer came,
   * and a connection that had served others before says nothing of the origin's health.
   */
  get lostToReuse(): boolean {
    return this.#lostToReuse;
  }

  /** Bounds the wait for a connection that is free; undici itself waits for ever. Milliseconds. */
  expectStartWithin(timeoutMs: number): void {
    if (this.#state !== 'waiting') return;
    this.#waitTimer = setTimeout(() => {
      this.cancel(
        new OriginError('originTimeout', { sent: false, detail: 'No connection to the origin became free in time' }),
      );
    }, timeoutMs);
  }

  /** Gives the request up, whether it waits, is being sent or being answered. */
  cancel(error: OriginError): void {
    if (this.#controller === undefined) this.#fail(error);
    else this.#controller.abort(error);
  }

  onRequestStart(controller: Dispatcher.DispatchController): void {
    // Given up while it waited, or a library that would send it once more. Throwing, unlike aborting, spares the connection.
    if (this.#state !== 'waiting') throw new Error('the request is not to be sent');
    clearTimeout(this.#waitTimer);
    this.#state = 'sent';
    this.#controller = controller;
    this.#reused = this.#connection?.begin() === true;
  }

  onResponseStarted(): void {
    this.#begun = true;
  }

  onResponseStart(controller: Dispatcher.DispatchController, status: number): void {
    const lines = fieldLines(controller.rawHeaders);
    if (status < 100) {
      controller.abort(invalid('The status of the answer is below 100'));
    } else if (status < 200) {
      this.#interim(controller, status, lines);
    } else {
      this.#final(controller, status, new Fields(lines));
    }
  }

  onRequestUpgrade(
    controller: Dispatcher.DispatchController,
    status: number,
    _headers: IncomingHttpHeaders,
    socket: Duplex,
  ): void {
    const body = Readable.from([]);
    const headers = new Fields(fieldLines(controller.rawHeaders));
    this.#finish();
    this.#resolve({ status, headers, body, trailers: () => [], isDelimited: () => true, upgraded: socket });
  }

  onResponseData(controller: Dispatcher.DispatchController, chunk: Buffer): void {
    if (this.#body?.push(chunk) === false) controller.pause();
  }

  onResponseEnd(controller: Dispatcher.DispatchController): void {
    // A body that only the close of the connection delimits (RFC 9112 §8) looks complete to undici after a reset as well.
    if (this.#connection?.broken === true) {
      this.#fail(new OriginError('originReset', { sent: true }));
      return;
    }
    this.#trailers = fieldLines(controller.rawTrailers);
    // What follows in the same bytes is parsed once this has returned. Nobody waits for it: undici cuts the connection.
    queueMicrotask(() => {
      this.#overrun = this.#connection?.misread === true;
    });
    this.#body?.push(null);
    this.#finish();
  }

  onResponseError(_controller: Dispatcher.DispatchController, error: Error): void {
    this.#lostToReuse = this.#reused && !this.#begun && isClosure(error);
    this.#fail(error);
  }

  #interim(controller: Dispatcher.DispatchController, status: number, lines: FieldLines): void {
    this.#interims += 1;
    if (this.#interims > MAX_INTERIM_ANSWERS) {
      controller.abort(invalid(`The origin sent more than ${MAX_INTERIM_ANSWERS} interim answers`));
    } else {
      this.#onInterim?.(status, lines);
    }
  }

  #final(controller: Dispatcher.DispatchController, status: number, headers: Fields): void {
    if (isCoded(headers.get('transfer-encoding'))) {
      controller.abort(invalid('The answer has a transfer coding that was not asked for'));
      return;
    }
    this.#state = 'answered';
    const body = new Readable({
      highWaterMark: READ_AHEAD_BYTES,
      read: () => controller.resume(),
      destroy: (error, done) => {
        // Without effect once the answer is complete. Before, it frees the connection of what nobody wants.
        controller.abort(error ?? abandoned(undefined));
        done(error);
      },
    });
    // The failure stays readable on the stream; one that comes before anybody listens must not end the process.
    body.on('error', () => {});
    this.#body = body;
    if (status >= 300 && closes(headers)) this.#upload?.stop();
    // RFC 9112 §6.3: these end with their head, and undici fails them when they name the length of a body.
    if (status === 204 || status === 304) {
      body.push(null);
      this.#finish();
    }
    const coding = headers.get('transfer-encoding')?.toLowerCase();
    const isFramed = coding === undefined || coding === 'chunked';
    const isDelimited = (): boolean => this.#misframed === 'store' || (isFramed && !this.#overrun);
    this.#resolve({ status, headers, body, trailers: () => this.#trailers, isDelimited });
  }

  /** Without effect when the answer is over: its promise is settled, and its body has ended. */
  #fail(cause: unknown): void {
    const answered = this.#state === 'answered';
    const error = originFailure(cause, { started: this.#state !== 'waiting', answered, retried: this.#retried });
    this.#finish();
    if (answered) this.#body?.destroy(error);
    else this.#reject(error);
  }

  #finish(): void {
    this.#state = 'over';
    clearTimeout(this.#waitTimer);
    this.#signal?.removeEventListener('abort', this.#onAbort);
    this.#upload?.cancel();
  }

  readonly #onAbort = (): void => this.cancel(abandoned(this.#signal?.reason));
}

function closes(headers: Fields): boolean {
  const options = headers.get('connection')?.toLowerCase().split(',') ?? [];
  return options.some((option) => option.trim() === 'close');
}

function invalid(detail: string): OriginError {
  return new OriginError('originInvalid', { sent: true, detail });
}

function abandoned(cause: unknown): OriginError {
  return new OriginError('originReset', { sent: true, detail: 'The request was given up', cause });
}

/** Field lines of undici, which are bytes, as the strings that Node would make of them. */
/**
 * RFC 9112 §6.1: only `chunked` is understood; the body under another coding would be passed on as if it were plain. A name that
 * no coding has (§7.3, the registry) says nothing of the body, which the close of the connection ends (§6.3).
 */
function isCoded(value: string | undefined): boolean {
  if (value === undefined || value.toLowerCase() === 'chunked') return false;
  return splitList(value).some((member) => codings.has(member.split(';', 1)[0]?.trim().toLowerCase() ?? ''));
}

const codings = new Set(['chunked', 'gzip', 'x-gzip', 'compress', 'x-compress', 'deflate', 'identity']);

function fieldLines(raw: Dispatcher.DispatchController['rawHeaders']): FieldLines {
  if (!Array.isArray(raw)) return [];
  return raw.map((text) => trimmed(typeof text === 'string' ? text : text.toString('latin1')));
}

/** Without the white space at its end, which is no part of a value (RFC 9112 §5) though llhttp leaves it there. */
function trimmed(text: string): string {
  let end = text.length;
  while (end > 0 && (text[end - 1] === ' ' || text[end - 1] === '\t')) end -= 1;
  return end === text.length ? text : text.slice(0, end);
}
