import { STATUS_CODES } from 'node:http';
import type { Socket } from 'node:net';
import { systemClock } from '../clock.ts';
import type { AskedFields } from '../exchange/asked-fields.ts';
import { type FastHit, KEPT_BODY_BYTES } from '../exchange/ports.ts';
import { formatCacheStatus } from '../http/cache-status.ts';
import { latin1Of, lengthOf, octetsOf } from '../http/content.ts';
import { CURSOR_FIELD } from '../http/event-cursor.ts';
import { ownText } from '../http/own-memory.ts';
import { MAX_TARGET_BYTES } from './client-request.ts';
import { Framing } from './framing.ts';
import { HttpSide, type Owner } from './http-side.ts';
import { pipelineOf } from './pipeline.ts';
import { type Peer, strictFields, strictHead } from './strict-head.ts';

/** Requests longer than this are left to the HTTP server. */
const MAX_REQUEST_BYTES = 8 * 1024;
/** Fields longer than this are not remembered: each connection may hold as much. */
const MAX_FIELDS_KEPT = 2 * 1024;
/** Connections are looked at this often: timeouts are that exact. */
const LOOK_MS = 1_000;
const [CR, LF] = [13, 10];

/** Answers a read from memory, and reports it; undefined for whatever is not a hit. */
export type FindHit = (method: 'GET' | 'HEAD', target: string, asked: AskedFields) => FastHit | undefined;

export interface SocketFrontOptions {
  readonly hit: FindHit;
  readonly peer: (socket: Socket) => Peer;
  readonly draining: () => boolean;
  /** All header fields of a request in total. */
  readonly headerBytes: number;
  readonly headersTimeoutMs: number;
  readonly keepAliveMs: number;
  /** Lets the HTTP server have a connection. */
  readonly serve: (side: HttpSide) => void;
  /** A connection on which no request came in time. */
  readonly timedOut: (side: HttpSide) => void;
}

/**
 * Owns the connections of clients. A piece that is exactly one request in a strict subset of HTTP/1.1, for which there
 * is a hit, is answered with one write. Everything else goes to Node's HTTP server as it came, and when that has
 * answered, the connection is back here.
 *
 * Nothing is decided here. `hit` finds what the read exchange would answer, and answers nothing else.
 */
export class SocketFront {
  readonly #options: SocketFrontOptions;
  readonly #connections = new Set<Connection>();
  readonly #tail: string;
  #timer: NodeJS.Timeout | undefined;
  /** Monotonic, as of the last look. */
  now = systemClock.monotonic();

  constructor(options: SocketFrontOptions) {
    this.#options = options;
    this.#tail = `\r\nConnection: keep-alive\r\nKeep-Alive: timeout=${Math.floor(options.keepAliveMs / 1000)}\r\n\r\n`;
  }

  take(socket: Socket): Connection {
    this.now = systemClock.monotonic();
    this.#timer ??= setInterval(() => this.#look(), LOOK_MS).unref();
    const connection = new Connection(socket, this, this.#options);
    this.#connections.add(connection);
    socket.once('close', () => this.#connections.delete(connection));
    return connection;
  }

  /** Closes connections on which requests have been answered, and none is. Those of the HTTP server are its own. */
  closeIdle(): void {
    for (const connection of [...this.#connections]) if (connection.isIdle) connection.socket.destroy();
  }

  closeAll(): void {
    for (const { socket } of [...this.#connections]) socket.destroy();
  }

  stop(): void {
    clearInterval(this.#timer);
  }

  /** Writes as Node's HTTP server would have written. */
  write(socket: Socket, hit: FastHit, isGet: boolean): void {
    const { status, age, ttl, cursor, last } = hit;
    const content = status === 304 ? '' : hit.content;
    if (isGet && lengthOf(content) <= KEPT_BODY_BYTES) {
      const isAsLast = last.age === age && last.ttl === ttl && last.cursor === cursor;
      const text = (isAsLast ? last.text : undefined) ?? this.#head(hit) + latin1Of(content);
      // Many are asked for about once while their age is the same. A text that is kept becomes old garbage then.
      last.text = isAsLast ? text : undefined;
      if (!isAsLast) {
        last.age = age;
        last.ttl = ttl;
        last.cursor = cursor;
      }
      socket.write(text, 'latin1');
    } else if (isGet) {
      socket.cork();
      socket.write(this.#head(hit), 'latin1');
      socket.write(octetsOf(content));
      socket.uncork();
    } else {
      socket.write(this.#head(hit), 'latin1');
    }
  }

  #head({ status, head, content, age, ttl, cursor }: FastHit): string {
    const line = `HTTP/1.1 ${status} ${STATUS_CODES[status] ?? 'unknown'}\r\n`;
    const times = `Age: ${age}\r\nCache-Status: ${HIT}${ttl}`;
    const position = cursor === undefined ? '' : `\r\n${CURSOR_FIELD}: ${cursor}`;
    const length = status === 304 ? '' : `\r\nContent-Length: ${lengthOf(content)}`;
    return line + head + times + position + length + this.#tail;
  }

  #look(): void {
    this.now = systemClock.monotonic();
    for (const connection of [...this.#connections]) connection.look(this.now);
  }
}

const HIT = formatCacheStatus({ hit: true, ttl: 0 }).slice(0, -1);

/** What the HTTP server has of a connection, and what it was given. */
interface Served {
  readonly side: HttpSide;
  readonly framing: Framing;
}

const isBlank = (piece: Buffer): boolean => piece.every((octet) => octet === CR || octet === LF);

/** One connection of a client. */
export class Connection implements Owner {
  readonly socket: Socket;
  readonly #front: SocketFront;
  readonly #options: SocketFrontOptions;
  readonly #peer: Peer;
  /** The fields that the client sent last, and what they mean. */
  #block = '';
  #asked: AskedFields | undefined;
  #hits = 0;
  #activeAt: number;
  #http: Served | undefined;
  /** The HTTP server has been given something, and may not be done with it. */
  #isServed = false;
  /** Others write to it until it closes. */
  #isGivenUp = false;

  constructor(socket: Socket, front: SocketFront, options: SocketFrontOptions) {
    this.socket = socket;
    this.#front = front;
    this.#options = options;
    this.#peer = options.peer(socket);
    this.#activeAt = front.now;
    socket.on('data', (piece: Buffer) => this.#receive(piece));
    socket.on('end', () => this.#end());
    socket.on('error', (error) => this.#http?.side.destroy(error));
    socket.on('close', () => this.#http?.side.destroy());
  }

  /** What the HTTP server has of this connection, if it has anything. */
  get side(): HttpSide | undefined {
    return this.#http?.side;
  }

  get isIdle(): boolean {
    return this.#http === undefined && !this.#isGivenUp && this.#hits > 0 && this.socket.writableLength === 0;
  }

  get now(): number {
    return this.#front.now;
  }

  giveUp(): boolean {
    if (this.#http === undefined || !this.#isAgreed(this.#http)) return false;
    this.#isGivenUp = true;
    this.#http = undefined;
    this.#block = '';
    this.#asked = undefined;
    return true;
  }

  look(now: number): void {
    if (this.#isGivenUp) return;
    const { socket } = this;
    if (this.#http !== undefined) {
      const { side } = this.#http;
      const activeAt = Math.max(this.#activeAt, side.activeAt);
      if (side.timeoutMs > 0 && now - activeAt >= side.timeoutMs) side.emit('timeout');
    } else if (this.#hits === 0) {
      if (now - this.#activeAt >= this.#options.headersTimeoutMs) this.#options.timedOut(this.#served().side);
    } else if (socket.writableLength === 0 && now - this.#activeAt >= this.#options.keepAliveMs) {
      socket.destroy();
    }
  }

  #receive(piece: Buffer): void {
    if (this.#isGivenUp) {
      // A request would never be answered. RFC 9112 §2.2: an empty line is none.
      if (!isBlank(piece)) this.socket.destroy();
      return;
    }
    if (!(this.#isServed && !this.#isBack()) && this.#answered(piece)) {
      this.#activeAt = this.#front.now;
      return;
    }
    const { side, framing } = this.#served();
    framing.receive(piece);
    side.receive(piece);
  }

  #end(): void {
    if (this.#http === undefined) this.socket.end();
    else this.#http.side.push(null);
  }

  #served(): Served {
    this.#isServed = true;
    if (this.#http !== undefined) return this.#http;
    const side = new HttpSide(this.socket, this);
    this.#http = { side, framing: new Framing(2 * this.#options.headerBytes) };
    this.#options.serve(side);
    return this.#http;
  }

  /**
   * Whether the HTTP server has answered all that it was given, and holds nothing: the next piece is the beginning of a
   * request. Two who count apart have to agree on that: our own framing, and the requests that Node's parser found.
   */
  #isBack(): boolean {
    if (this.#http === undefined) return true;
    const { side } = this.#http;
    const isBack =
      this.#isAgreed(this.#http) &&
      pipelineOf(side)?.free === true &&
      side.readableLength === 0 &&
      side.writableLength === 0;
    if (isBack) this.#isServed = false;
    return isBack;
  }

  /** Whether both have counted the same requests, and no part of a further one has come. */
  #isAgreed({ side, framing }: Served): boolean {
    return framing.isBetween && pipelineOf(side)?.received === framing.begun;
  }

  #answered(piece: Buffer): boolean {
    const { socket } = this;
    const { headerBytes, draining, hit } = this.#options;
    if (piece.byteLength > MAX_REQUEST_BYTES || piece.byteLength > headerBytes) return false;
    // A client that has not read its last answer gets no further one from here.
    if (socket.writableLength > 0 || !socket.writable || draining()) return false;
    const head = strictHead(piece.toString('latin1'));
    if (head === undefined || head.target.length > MAX_TARGET_BYTES) return false;
    const asked = this.#fields(head.block);
    if (asked === undefined) return false;
    const found = hit(head.isGet ? 'GET' : 'HEAD', head.target, asked);
    if (found === undefined) return false;
    this.#hits += 1;
    this.#front.write(socket, found, head.isGet);
    return true;
  }

  #fields(block: string): AskedFields | undefined {
    if (block === this.#block) return this.#asked;
    if (block.length > MAX_FIELDS_KEPT) return strictFields(block, this.#peer);
    // As it is cut from the request, it would keep the whole, with its target.
    this.#block = ownText(block);
    this.#asked = strictFields(this.#block, this.#peer);
    return this.#asked;
  }
}
