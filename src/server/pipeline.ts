import type { IncomingMessage, ServerResponse } from 'node:http';
import type { Duplex } from 'node:stream';
import { safeMethods } from '../http/methods.ts';

/** Requests of one connection that are in progress at once: stops a client from taking all origin connections. */
export const MAX_UNANSWERED = 8;
/**
 * Requests of one connection that may wait while it is read further, to notice its end. Where more wait and none has
 * begun for a while, it is read for its end alone, and cut off if more requests come.
 */
const MAX_WAITING = 1_000;
/**
 * Requests of all connections together that may wait. One read of a socket brings thousands of small ones, each of
 * which is an object for as long as the request before it takes.
 */
export const MAX_WAITING_IN_ALL = 20_000;
/** A connection with no more requests than this waiting is never cut off for what others have. */
const FEW_WAITING = 32;
/** Bytes of answers that may wait for a client before its next request begins: stops a client that reads nothing. */
export const MAX_UNSENT_BYTES = 256 * 1024;

/** A request and the way to answer it. */
export interface Exchange {
  readonly message: IncomingMessage;
  readonly response: ServerResponse;
}

/**
 * The requests of one client connection, in their order. The pipeline decides when each begins. None begins behind an
 * answer that closes the connection (RFC 9112 §9.6): two parties may disagree on where the request before it ends.
 *
 * Node parses everything that one read of the socket brings, and emits every request at once. Requests that may not
 * begin yet wait here. The socket is not read meanwhile, so at most one read's worth of requests waits.
 */
export class Pipeline {
  readonly #socket: Duplex;
  readonly #begin: (exchange: Exchange) => void;
  readonly #room: WaitingRoom;
  /** Begun and not answered. A single one may have been answered: a read that is a hit does not pay for a listener. */
  #begun: Exchange[] = [];
  /** Answered before the rest of its body has come. */
  #early: Exchange | undefined;
  /** Parsed, and not begun. */
  #waiting: Exchange[] = [];
  /** No further request is taken. */
  #sealed = false;
  /** An answer is being sent that lasts as long as the connection. */
  #lasting = false;
  /** What came last is no request. */
  #malformed = false;
  #held = false;
  #attended = false;
  /** Requests that were begun, now and when `peek` was called last. */
  #started = 0;
  #startedBefore = 0;
  /** So many wait that no more may come. */
  #overdue = false;
  #received = 0;

  constructor(socket: Duplex, begin: (exchange: Exchange) => void, room: WaitingRoom) {
    this.#socket = socket;
    this.#begin = begin;
    this.#room = room;
  }

  /** Begins a request, now or when its turn comes. Drops one behind an answer that closes the connection. */
  receive(exchange: Exchange): void {
    this.#received += 1;
    this.#settle();
    if (this.#lasting) {
      // It would never be answered, and would be held for as long as the answer before it lasts.
      this.#socket.destroy();
    } else if (this.#sealed) {
      // Not earlier: the body of the last request may still be on its way.
      this.#hold();
    } else if (this.#waiting.length === 0 && this.#mayBegin(exchange)) {
      this.#start(exchange);
    } else if (this.#overdue || (this.#room.isFull && this.#waiting.length >= FEW_WAITING)) {
      this.#seal();
      this.#room.cut(this.#socket);
    } else {
      this.#room.held += 1;
      this.#waiting.push(exchange);
      this.#hold();
      this.#attend();
    }
  }

  /** No further request is taken: an answer that closes the connection has been given, or is on its way. */
  get sealed(): boolean {
    this.#settle();
    return this.#sealed;
  }

  /** Requests in progress, in their order. Read it at once: the list changes. */
  get begun(): readonly Exchange[] {
    this.#settle();
    return this.#begun;
  }

  /** The request whose body is still on its way. It may have been answered. */
  get uploading(): Exchange | undefined {
    const begun = this.begun.find(isUploaded);
    if (this.#early?.message.complete === true) this.#early = undefined;
    return begun ?? this.#early;
  }

  /** How many requests have come, answered or not. */
  get received(): number {
    return this.#received;
  }

  /** The connection can be handed over: everything is answered, and it stays open. */
  get free(): boolean {
    this.#settle();
    return !this.#sealed && this.#begun.length === 0 && this.#waiting.length === 0;
  }

  /** Reads once where requests wait. Only reading shows that a connection has ended, which ends what has begun. */
  peek(): void {
    const stands = this.#started === this.#startedBefore;
    this.#startedBefore = this.#started;
    if (this.#waiting.length === 0) return;
    const isMany = this.#waiting.length >= MAX_WAITING;
    this.#overdue = isMany && stands;
    if (stands || !isMany) this.#release();
  }

  /**
   * Ends the pipeline: what came is no request. `answer` is called when all requests before it have been answered, and
   * never if the connection closes before. `cut` is called instead where the answer to the broken request has begun.
   */
  malformed(answer: () => void, cut: () => void): void {
    this.#settle();
    this.#malformed = true;
    // A client that ends within a request is reported this way, and in no other.
    if (this.#lasting) this.#socket.destroy();
    if (this.#sealed) return;
    this.#sealed = true;
    const all = [...this.#begun, ...this.#waiting];
    const broken = all.find(({ message }) => !message.complete);
    this.#keepWaiting(this.#waiting.filter((exchange) => exchange !== broken));
    const last = all.findLast(({ message }) => message.complete);
    const end = (): void => {
      // Reads on until the client closes.
      this.#release();
      if (broken?.response.headersSent === true) cut();
      else answer();
    };
    if (last === undefined) end();
    else last.response.once('close', end);
  }

  /**
   * Begins an answer that lasts as long as the connection, once those before it have been given: only then does Node
   * notice the end of the connection. If the client has sent anything behind this one, the connection is closed.
   */
  beginLast(response: ServerResponse, begin: () => void): void {
    const start = (): void => {
      if (this.#socket.destroyed) return;
      this.#settle();
      if (this.#malformed || this.#waiting.length > 0 || this.#begun.at(-1)?.response !== response) {
        this.#socket.destroy();
        return;
      }
      begin();
      this.#lasting = !response.writableEnded;
      // A list that grows has room for more, which this one never needs.
      this.#begun = [...this.#begun];
    };
    // Node gives a response its socket when its turn comes.
    if (response.socket === null) response.once('socket', start);
    else start();
  }

  /** Drops what has been answered, and notes an answer that closes the connection. Hits come this way. */
  #settle(): void {
    const begun = this.#begun;
    const only = begun[0];
    if (only === undefined) return;
    if (begun.length > 1) {
      if (begun.some(closes)) this.#seal();
      this.#early = begun.find((exchange) => !isOpen(exchange) && isUploaded(exchange)) ?? this.#early;
      this.#begun = begun.filter(isOpen);
    } else {
      if (closes(only)) this.#seal();
      if (isOpen(only)) return;
      if (isUploaded(only)) this.#early = only;
      begun.pop();
    }
  }

  #seal(): void {
    this.#sealed = true;
    this.#keepWaiting([]);
  }

  #keepWaiting(waiting: Exchange[]): void {
    this.#room.held -= this.#waiting.length - waiting.length;
    this.#waiting = waiting;
  }

  /** RFC 9112 §9.3.2: requests may be processed in parallel if all of them are safe. */
  #mayBegin({ message }: Exchange): boolean {
    if (this.#begun.length === 0) return true;
    if (this.#begun.length >= MAX_UNANSWERED || !isParallel(message)) return false;
    return this.#begun.every((earlier) => isParallel(earlier.message)) && this.#unsentBytes() <= MAX_UNSENT_BYTES;
  }

  #unsentBytes(): number {
    return this.#begun.reduce((sum, { response }) => sum + response.writableLength, 0);
  }

  #start(exchange: Exchange): void {
    this.#started += 1;
    this.#overdue = false;
    if (this.#begun.push(exchange) > 1) this.#attend();
    this.#begin(exchange);
    if (closes(exchange)) this.#seal();
  }

  /** Continues when the oldest request has been answered, and abandons everything if the connection closes before. */
  #attend(): void {
    const [oldest] = this.#begun;
    if (this.#attended || oldest === undefined) return;
    this.#attended = true;
    const gone = (): void => this.#abandon();
    this.#socket.once('close', gone);
    oldest.response.once('close', () => {
      this.#attended = false;
      this.#socket.off('close', gone);
      this.#advance();
    });
  }

  #advance(): void {
    // The answer that was being written may be told of the end of the connection before this is.
    if (this.#socket.destroyed) {
      this.#abandon();
      return;
    }
    this.#settle();
    for (let next = this.#waiting[0]; next !== undefined && this.#mayBegin(next); next = this.#waiting[0]) {
      this.#waiting.shift();
      this.#room.held -= 1;
      this.#start(next);
    }
    if (this.#begun.length > 1 || this.#waiting.length > 0) this.#attend();
    // Of the last request before the connection closes, the rest of the body may still be on its way.
    if (this.#waiting.length === 0 && !(this.#sealed && this.uploading === undefined)) this.#release();
  }

  /** Node tells only the answer that is being written that the connection has ended. This tells those behind it. */
  #abandon(): void {
    this.#seal();
    for (const { response } of this.#begun.filter(isOpen)) {
      if (response.socket !== null) continue;
      response.destroy();
      response.emit('close');
    }
  }

  #hold(): void {
    if (this.#held) return;
    this.#held = true;
    this.#socket.pause();
    this.#socket.on('resume', this.#pauseAgain);
  }

  #release(): void {
    if (!this.#held) return;
    this.#held = false;
    this.#socket.off('resume', this.#pauseAgain);
    this.#socket.resume();
  }

  /** Node resumes a socket whenever the body of a request is read, or answers have flowed off. */
  readonly #pauseAgain = (): void => {
    this.#socket.pause();
    // A stream that is paused while its `resume` is pending emits no event, and Node's server relies on it.
    this.#socket.emit('pause');
  };
}

function isOpen({ response }: Exchange): boolean {
  return !response.closed;
}

function isUploaded({ message }: Exchange): boolean {
  return !message.complete;
}

/** The connection ends with this answer: the request asked for that, or the answer says so. */
function closes({ response }: Exchange): boolean {
  return !response.shouldKeepAlive;
}

/** Not in HTTP/1.0, where the connection closes behind an answer whose length is not known beforehand. */
function isParallel({ method = '', httpVersion }: IncomingMessage): boolean {
  return safeMethods.has(method) && httpVersion === '1.1';
}

/** The requests of all connections of a server that wait for others before them. */
class WaitingRoom {
  readonly #cut: (socket: Duplex) => void;
  held = 0;

  constructor(cut: (socket: Duplex) => void) {
    this.#cut = cut;
  }

  get isFull(): boolean {
    return this.held >= MAX_WAITING_IN_ALL;
  }

  /** RFC 9112 §9.3.2: a client that pipelines has to expect that its connection ends before its answers. */
  cut(socket: Duplex): void {
    this.#cut(socket);
    socket.destroy();
  }
}

const pipelines = new WeakMap<Duplex, Pipeline>();

export function pipelineOf(socket: Duplex): Pipeline | undefined {
  return pipelines.get(socket);
}

/** The pipelines of the connections of one server. */
export class Pipelines {
  readonly #begin: (exchange: Exchange) => void;
  readonly #room: WaitingRoom;

  /** `cut`: told of each connection that is cut off because too many requests wait. */
  constructor(begin: (exchange: Exchange) => void, cut: (socket: Duplex) => void = () => {}) {
    this.#begin = begin;
    this.#room = new WaitingRoom(cut);
  }

  /** Requests that wait, of all connections. */
  get waiting(): number {
    return this.#room.held;
  }

  /** The pipeline of a connection, made for its first request. */
  of(socket: Duplex): Pipeline {
    const known = pipelines.get(socket);
    if (known !== undefined) return known;
    const made = new Pipeline(socket, this.#begin, this.#room);
    pipelines.set(socket, made);
    return made;
  }
}
