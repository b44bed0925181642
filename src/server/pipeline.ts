import type { IncomingMessage, ServerResponse } from 'node:http';
import type { Duplex } from 'node:stream';
import { safeMethods } from '../http/methods.ts';

/** Requests of one connection that are worked on at one time: stops a client from taking the origin's connections by one packet. */
export const MAX_UNANSWERED = 8;
/**
 * Requests of one connection that may wait while more of it is read, for its end. Where more wait, and none has been begun for a while,
 * it is read for its end alone: a connection that has more requests then is cut off.
 */
const MAX_WAITING = 1_000;
/**
 * Requests of all connections together that may wait. One read of a socket brings thousands of small ones, and each is an object for
 * as long as the one before them takes: stops a few megabytes on many connections from filling the memory.
 */
export const MAX_WAITING_IN_ALL = 20_000;
/** A connection with no more than this waiting is never cut off for what others have. */
const FEW_WAITING = 32;
/** Bytes of answers that may wait for a client before its next request is begun: stops one that reads nothing. */
export const MAX_UNSENT_BYTES = 256 * 1024;

/** A request and the way to answer it. */
export interface Exchange {
  readonly message: IncomingMessage;
  readonly response: ServerResponse;
}

/**
 * The requests of one client connection, in their order. It decides when each is begun, and that none is begun behind an answer
 * with which the connection closes (RFC 9112 §9.6): where the request before ends may be what two parties disagree on.
 *
 * Node parses all that one read of the socket brings, and calls for each request at once. Those that are not begun wait here, and
 * the socket is not read meanwhile, so that what waits is at most what one read has brought.
 */
export class Pipeline {
  readonly #socket: Duplex;
  readonly #begin: (exchange: Exchange) => void;
  readonly #room: WaitingRoom;
  /** Begun, and not answered; the one that is alone may have been answered: a hit pays no listener. */
  #begun: Exchange[] = [];
  /** Parsed, and not begun. */
  #waiting: Exchange[] = [];
  /** Nothing that comes from now on is a request. */
  #sealed = false;
  /** An answer that ends with the connection is being sent. */
  #lasting = false;
  #held = false;
  #attended = false;
  /** Requests that were begun, now and when `peek` was called last. */
  #started = 0;
  #startedBefore = 0;
  /** So many wait that no more may come. */
  #overdue = false;

  constructor(socket: Duplex, begin: (exchange: Exchange) => void, room: WaitingRoom) {
    this.#socket = socket;
    this.#begin = begin;
    this.#room = room;
  }

  /** Begins a request, now or when its turn has come; drops one behind an answer that closes. */
  receive(exchange: Exchange): void {
    this.#settle();
    if (this.#lasting) {
      // It would never be answered, and each such request would be held for as long as the answer before it lasts.
      this.#socket.destroy();
    } else if (this.#sealed) {
      // Not before: the body of the last request may be on its way still.
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

  /** No further request is taken: an answer that closes the connection was given, or is on its way. */
  get sealed(): boolean {
    this.#settle();
    return this.#sealed;
  }

  /** Requests that are worked on, in their order. For at once: the list changes. */
  get begun(): readonly Exchange[] {
    this.#settle();
    return this.#begun;
  }

  /** The one whose body is still on its way. */
  get uploading(): Exchange | undefined {
    return this.begun.find(({ message }) => !message.complete);
  }

  /** Whether the connection could be handed over: everything is answered, and it goes on. */
  get free(): boolean {
    this.#settle();
    return !this.#sealed && this.#begun.length === 0 && this.#waiting.length === 0;
  }

  /** Reads on for once, where requests wait: the end of a connection is seen by reading it alone, and ends what was begun. */
  peek(): void {
    const stands = this.#started === this.#startedBefore;
    this.#startedBefore = this.#started;
    if (this.#waiting.length === 0) return;
    const isMany = this.#waiting.length >= MAX_WAITING;
    this.#overdue = isMany && stands;
    if (stands || !isMany) this.#release();
  }

  /**
   * What came is no request. `answer` is called when all before it are answered; never where the connection closes before, or with
   * them. `cut`: the answer to the broken request itself has begun, so that no other can be sent.
   */
  malformed(answer: () => void, cut: () => void): void {
    this.#settle();
    if (this.#sealed) return;
    this.#sealed = true;
    const all = [...this.#begun, ...this.#waiting];
    const broken = all.find(({ message }) => !message.complete);
    this.#keepWaiting(this.#waiting.filter((exchange) => exchange !== broken));
    const last = all.findLast(({ message }) => message.complete);
    const end = (): void => {
      // To its end, which the client's closing is.
      this.#release();
      if (broken?.response.headersSent === true) cut();
      else answer();
    };
    if (last === undefined) end();
    else last.response.once('close', end);
  }

  /**
   * Begins an answer that lasts as long as the connection: once those before it are answered, so that its end is noticed, and only
   * if nothing was sent behind it.
   */
  beginLast(response: ServerResponse, begin: () => void): void {
    const start = (): void => {
      if (this.#socket.destroyed) return;
      this.#settle();
      if (this.#waiting.length > 0 || this.#begun.at(-1)?.response !== response) {
        this.#socket.destroy();
        return;
      }
      begin();
      this.#lasting = !response.writableEnded;
    };
    // Node gives a response its socket when its turn has come.
    if (response.socket === null) response.once('socket', start);
    else start();
  }

  /** Forgets what is answered, and notes an answer that closes. Hits come here: one request at a time is the rule. */
  #settle(): void {
    const begun = this.#begun;
    const only = begun[0];
    if (only === undefined) return;
    if (begun.length > 1) {
      if (begun.some(closes)) this.#seal();
      this.#begun = begun.filter(isOpen);
    } else {
      if (closes(only)) this.#seal();
      if (!isOpen(only)) begun.pop();
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

  /** RFC 9112 §9.3.2: side by side, where all of them are safe. */
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

  /** Looks at the connection again when its oldest request is answered. Behind one that closes, there is nothing to look at. */
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
    this.#settle();
    for (let next = this.#waiting[0]; next !== undefined && this.#mayBegin(next); next = this.#waiting[0]) {
      this.#waiting.shift();
      this.#room.held -= 1;
      this.#start(next);
    }
    if (this.#begun.length > 1 || this.#waiting.length > 0) this.#attend();
    if (this.#waiting.length === 0 && !this.#sealed) this.#release();
  }

  /** Node tells the one answer that is being written of the end of the connection, and none behind it. */
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
    // A stream that was paused while its `resume` was on the way says nothing; Node's server goes by the event.
    this.#socket.emit('pause');
  };
}

function isOpen({ response }: Exchange): boolean {
  return !response.closed;
}

/** The connection ends with this answer; Node has read that of the request, or who answers has said it. */
function closes({ response }: Exchange): boolean {
  return !response.shouldKeepAlive;
}

/** The connections of HTTP/1.0 close behind an answer whose length is not known beforehand. */
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
