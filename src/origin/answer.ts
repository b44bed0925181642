import type { IncomingHttpHeaders } from 'node:http';
import type { Duplex } from 'node:stream';
import type { Dispatcher } from 'undici';
import { OriginError } from '../errors.ts';
import type { GiveUpSignal, OriginRequest, OriginResponse } from '../exchange/ports.ts';
import { type FieldLines, Fields, without } from '../http/fields.ts';
import { splitList } from '../http/list.ts';
import { ArrivingBody, abandoned } from './arriving-body.ts';
import { isClosure, originFailure } from './failure.ts';
import type { Connection } from './pool-connection.ts';
import type { RequestBody } from './request-body.ts';
import type { Watch } from './watch.ts';

/** Limit on interim answers to one request, so that an origin cannot hold a request forever without a final answer. */
export const MAX_INTERIM_ANSWERS = 32;

export interface AnswerOptions {
  /** An earlier attempt was sent, so the origin may have the request whatever the result of this one. */
  readonly retried: boolean;
  readonly watch: Watch | undefined;
  /** Whether an answer whose end is not certain may be stored. */
  readonly misframed: 'bypass' | 'store';
}

/** One attempt at a request: turns the calls of undici's handler into an `OriginResponse`. */
export class Answer implements Dispatcher.DispatchHandler {
  /** Resolves with the head of the final answer, whose body follows. Rejects with an `OriginError`. */
  readonly head: Promise<OriginResponse>;
  #resolve: (response: OriginResponse) => void = () => {};
  #reject: (error: OriginError) => void = () => {};
  readonly #signal: GiveUpSignal | undefined;
  readonly #onInterim: OriginRequest['onInterim'];
  readonly #retried: boolean;
  readonly #place: OriginRequest['place'];
  readonly #maySend: OriginRequest['maySend'];
  readonly #watch: Watch | undefined;
  #upload: RequestBody | undefined;
  #connection: Connection | undefined;
  #controller: Dispatcher.DispatchController | undefined;
  #state: 'waiting' | 'sent' | 'answered' | 'over' = 'waiting';
  #reused = false;
  #begun = false;
  #lostToReuse = false;
  #overrun = false;
  #interims = 0;
  #body: ArrivingBody | undefined;
  #trailers: FieldLines = [];
  #waitTimer: NodeJS.Timeout | undefined;

  readonly #misframed: 'bypass' | 'store';

  constructor(request: OriginRequest, { retried, watch, misframed }: AnswerOptions) {
    this.#misframed = misframed;
    this.head = new Promise((resolve, reject) => {
      this.#resolve = resolve;
      this.#reject = reject;
    });
    this.#signal = request.signal;
    this.#onInterim = request.onInterim;
    this.#retried = retried;
    this.#place = request.place;
    this.#maySend = request.maySend;
    this.#watch = watch;
    this.#signal?.addEventListener('abort', this.#onAbort, { once: true });
  }

  /** Set if the request has a streamed body. */
  set upload(upload: RequestBody) {
    this.#upload = upload;
  }

  set connection(connection: Connection) {
    this.#connection = connection;
  }

  /**
   * Whether the attempt failed because the origin closed a reused connection while the request was being written,
   * before any byte of an answer. That says nothing about the origin's health.
   */
  get lostToReuse(): boolean {
    return this.#lostToReuse;
  }

  /** Bounds the wait for a free connection, in milliseconds. undici itself waits forever. */
  expectStartWithin(timeoutMs: number): void {
    if (this.#state !== 'waiting') return;
    this.#waitTimer = setTimeout(() => {
      this.cancel(
        new OriginError('originTimeout', {
          sent: false,
          // All connections are in use. What becomes of those requests says how the origin is.
          fault: 'request',
          detail: 'No connection to the origin became free in time',
        }),
      );
    }, timeoutMs);
  }

  /** Cancels the request, whether it is waiting, being sent or being answered. */
  cancel(error: OriginError): void {
    if (this.#controller === undefined) this.#fail(error);
    else this.#controller.abort(error);
  }

  onRequestStart(controller: Dispatcher.DispatchController): void {
    // Cancelled while it waited, or sent a second time by undici. Throwing, unlike aborting, keeps the connection.
    const refusal = this.#state === 'waiting' ? this.#refusal() : undefined;
    if (refusal !== undefined) this.#fail(refusal);
    if (this.#state !== 'waiting') throw new Error('the request must not be sent');
    clearTimeout(this.#waitTimer);
    this.#state = 'sent';
    this.#controller = controller;
    this.#reused = this.#connection?.begin() === true;
  }

  #refusal(): OriginError | undefined {
    const refusal = this.#watch?.refusal();
    if (refusal !== undefined || this.#maySend?.() !== false) return refusal;
    return new OriginError('uncoordinated', {
      sent: false,
      fault: 'request',
      detail: 'the turn of this write, or the lease of its key, is over',
    });
  }

  onResponseStarted(): void {
    this.#begun = true;
  }

  onResponseStart(controller: Dispatcher.DispatchController, status: number): void {
    const said = fieldLines(controller.rawHeaders);
    const lines = status < 200 || status === 204 ? without(said, isLength) : said;
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
    const body = new ArrivingBody(controller, undefined);
    body.end();
    const headers = new Fields(fieldLines(controller.rawHeaders));
    this.#watch?.answered(status, headers, true);
    this.#finish();
    this.#resolve({ status, headers, body, trailers: () => [], isDelimited: () => true, upgraded: socket });
  }

  onResponseData(controller: Dispatcher.DispatchController, chunk: Buffer): void {
    if (this.#body?.push(chunk) === false) controller.pause();
  }

  onResponseEnd(controller: Dispatcher.DispatchController): void {
    // A body that only the close of the connection delimits (RFC 9112 §8) looks complete to undici even after a reset.
    if (this.#connection?.broken === true) {
      this.#fail(new OriginError('originReset', { sent: true }));
      return;
    }
    this.#trailers = fieldLines(controller.rawTrailers);
    // Excess bytes after the answer are parsed once this has returned. undici then closes the connection. Whoever waits
    // for the head hears of it later than this, even if all came at once.
    queueMicrotask(() => {
      this.#overrun = this.#connection?.misread === true;
    });
    this.#body?.end();
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
    const coding = headers.get('transfer-encoding')?.toLowerCase();
    if (coding !== undefined && isCoded(coding)) {
      controller.abort(invalid('The answer has an unsupported transfer coding'));
      return;
    }
    this.#state = 'answered';
    this.#watch?.answered(status, headers, false);
    const body = new ArrivingBody(controller, this.#watch);
    this.#body = body;
    if (status >= 300 && closes(headers)) this.#upload?.stop();
    // RFC 9112 §6.3: these end with their head. undici fails them if they declare a body length.
    if (status === 204 || status === 304) {
      body.end();
      this.#finish();
    }
    const isFramed = coding === undefined || coding === 'chunked';
    const isDelimited = (): boolean => this.#misframed === 'store' || (isFramed && !this.#overrun);
    this.#resolve({ status, headers, body, trailers: () => this.#trailers, isDelimited });
  }

  /** Has no effect after the end of the answer: its promise is settled and its body has ended. */
  #fail(cause: unknown): void {
    const answered = this.#state === 'answered';
    const error = originFailure(cause, { started: this.#state !== 'waiting', answered, retried: this.#retried });
    this.#finish();
    if (answered) this.#body?.fail(error);
    else this.#reject(error);
  }

  #finish(): void {
    this.#state = 'over';
    // A first attempt that was lost may be made once more, and needs its place for that.
    if (!this.#lostToReuse || this.#retried) this.#place?.leave();
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

/** RFC 9110 §8.6: a 1xx or 204 answer has none. */
const isLength = (name: string): boolean => name === 'content-length';

function invalid(detail: string): OriginError {
  return new OriginError('originInvalid', { sent: true, detail });
}

/**
 * Whether the body has a transfer coding that the gateway does not undo (RFC 9112 §6.1): only `chunked` is supported. A
 * name that is not a registered coding (§7.3) is ignored; the close of the connection then ends the body (§6.3).
 * @param coding in lower case
 */
function isCoded(coding: string): boolean {
  if (coding === 'chunked') return false;
  return splitList(coding).some((member) => codings.has(member.split(';', 1)[0]?.trim() ?? ''));
}

const codings = new Set(['chunked', 'gzip', 'x-gzip', 'compress', 'x-compress', 'deflate', 'identity']);

/** Converts undici's field lines, which are bytes, to strings as Node does. */
function fieldLines(raw: Dispatcher.DispatchController['rawHeaders']): FieldLines {
  if (!Array.isArray(raw)) return [];
  return raw.map((text) => trimmed(typeof text === 'string' ? text : text.toString('latin1')));
}

/** Removes trailing whitespace, which is not part of a value (RFC 9112 §5) but which llhttp leaves there. */
function trimmed(text: string): string {
  let end = text.length;
  while (end > 0 && (text[end - 1] === ' ' || text[end - 1] === '\t')) end -= 1;
  return end === text.length ? text : text.slice(0, end);
}
