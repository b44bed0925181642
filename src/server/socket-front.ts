import type { Socket } from 'node:net';
import { systemClock } from '../clock.ts';
import type { AskedFields } from '../exchange/asked-fields.ts';
import type { ClientRequest, FastHit } from '../exchange/ports.ts';
import { ownText } from '../http/own-memory.ts';
import { MAX_TARGET_BYTES } from './client-request.ts';
import { Framing } from './framing.ts';
import { writeHit } from './hit-write.ts';
import { HttpSide, type Owner } from './http-side.ts';
import { pipelineOf } from './pipeline.ts';
import { endWhileSent } from './refusal.ts';
import { readShared } from './shared-reads.ts';
import { SocketReply } from './socket-reply.ts';
import type { StreamedReply } from './streamed-reply.ts';
import {
  type Peer,
  type StrictFields,
  type StrictHead,
  strictFields,
  strictHead,
  strictTarget,
} from './strict-head.ts';

/** Requests longer than this are left to the HTTP server. */
const MAX_REQUEST_BYTES = 8 * 1024;
/** Fields longer than this are not remembered: each connection may hold as much. */
const MAX_FIELDS_KEPT = 2 * 1024;
/** What may wait behind a request that is being answered, apart from the last piece. */
const MAX_WAITING_BYTES = 16 * 1024;
/** Connections are looked at this often: timeouts are that exact. */
const LOOK_MS = 1_000;
const [CR, LF] = [13, 10];
const NOTHING = Buffer.alloc(0);

/** Answers a read from memory, and reports it; undefined for whatever is not a hit. */
export type FindHit = (method: string, target: string, asked: AskedFields) => FastHit | undefined;

/** Answers any other plain request; false where the HTTP server has to. A read has no body. */
export type AnswerPlain = (request: ClientRequest, body: Buffer | undefined, reply: StreamedReply) => boolean;

export interface SocketFrontOptions {
  readonly hit: FindHit;
  readonly plain: AnswerPlain;
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
 * Owns the connections of clients. A piece that is exactly one read or write in a strict subset of HTTP/1.1 is answered
 * here: a hit with one write, all else by `plain`. Everything else goes to Node's HTTP server as it came, and when that
 * has answered, the connection is back here.
 *
 * Nothing is decided here. `hit` finds what the read exchange would answer, and answers nothing else.
 */
export class SocketFront {
  readonly #options: SocketFrontOptions;
  readonly #connections = new Set<Connection>();
  /** The lines of each head that say that the connection is kept. */
  readonly persistence: string;
  #timer: NodeJS.Timeout | undefined;
  /** Monotonic, as of the last look. */
  now = systemClock.monotonic();

  constructor(options: SocketFrontOptions) {
    this.#options = options;
    this.persistence = `Connection: keep-alive\r\nKeep-Alive: timeout=${Math.floor(options.keepAliveMs / 1000)}\r\n`;
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

  /** How many connections are still being sent what was answered on them. */
  get sending(): number {
    return [...this.#connections].filter((connection) => connection.isSending).length;
  }

  closeAll(): void {
    for (const { socket } of [...this.#connections]) socket.destroy();
  }

  stop(): void {
    clearInterval(this.#timer);
  }

  #look(): void {
    this.now = systemClock.monotonic();
    for (const connection of [...this.#connections]) connection.look(this.now);
  }
}

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
  #fields: StrictFields | undefined;
  #answers = 0;
  #activeAt: number;
  #http: Served | undefined;
  /** The HTTP server has been given something, and may not be done with it. */
  #isServed = false;
  /** Others write to it until it closes. */
  #isGivenUp = false;
  /** They read it, too. */
  #isHandedOver = false;
  /** What is read is in memory that all connections share: whatever is kept is copied. */
  readonly #isShared: boolean;
  /** To the request that is being answered from here. What comes behind it waits, until it has been sent to its end. */
  #reply: SocketReply | undefined;
  /** An answer is still being sent: what comes waits until then. */
  #isHeldBack = false;
  #waiting: Buffer[] = [];
  /** The client has ended its side, behind what waits. */
  #hasEnded = false;
  /** Its last answer has been given. */
  #isClosing = false;

  constructor(socket: Socket, front: SocketFront, options: SocketFrontOptions) {
    this.socket = socket;
    this.#front = front;
    this.#options = options;
    this.#peer = options.peer(socket);
    this.#activeAt = front.now;
    const take = (piece: Buffer): void => this.#receive(piece);
    this.#isShared = readShared(socket, take);
    if (!this.#isShared) socket.on('data', take);
    socket.on('end', () => this.#end());
    socket.on('error', (error) => this.#http?.side.destroy(error));
    socket.on('close', () => this.#closed());
  }

  /** What the HTTP server has of this connection, if it has anything. */
  get side(): HttpSide | undefined {
    return this.#http?.side;
  }

  get isIdle(): boolean {
    const isFree = this.#http === undefined && this.#reply === undefined && !this.#isGivenUp;
    return isFree && this.#answers > 0 && this.socket.writableLength === 0;
  }

  /** An answer that was given here has not been sent to its end. */
  get isSending(): boolean {
    return !this.#isServed && this.socket.writableLength > 0;
  }

  get now(): number {
    return this.#front.now;
  }

  giveUp(): boolean {
    if (this.#http === undefined || !this.#isAgreed(this.#http)) return false;
    this.#leave();
    return true;
  }

  handOver(): void {
    this.#isHandedOver = true;
    this.#leave();
  }

  /** A server that stops closes what is idle as far as it knows: it does not know of what is answered from here. */
  keeps(): boolean {
    if (this.#isServed || (this.#reply === undefined && !this.isSending)) return false;
    this.#http = undefined;
    this.#isServed = false;
    return true;
  }

  look(now: number): void {
    if (this.#isGivenUp || this.#isClosing) return;
    const { socket } = this;
    if (this.#reply !== undefined || this.#isHeldBack) {
      // What has come and is not read hides that the client has left.
      if (this.#waitingBytes < MAX_WAITING_BYTES) socket.resume();
    } else if (this.#http !== undefined) {
      const { side } = this.#http;
      const activeAt = Math.max(this.#activeAt, side.activeAt);
      if (side.timeoutMs > 0 && now - activeAt >= side.timeoutMs) side.emit('timeout');
    } else if (this.#answers === 0) {
      if (now - this.#activeAt >= this.#options.headersTimeoutMs) this.#options.timedOut(this.#served().side);
    } else if (socket.writableLength === 0 && now - this.#activeAt >= this.#options.keepAliveMs) {
      socket.destroy();
    }
  }

  /** Keeps nothing that only further requests would need. */
  #leave(): void {
    this.#isGivenUp = true;
    this.#http = undefined;
    this.#block = '';
    this.#fields = undefined;
  }

  #receive(piece: Buffer): void {
    if (this.#isClosing) return;
    if (this.#isHandedOver) {
      if (this.#isShared) this.socket.push(Buffer.from(piece));
      return;
    }
    if (this.#isGivenUp) {
      // A request would never be answered. RFC 9112 §2.2: an empty line is none.
      if (!isBlank(piece)) this.socket.destroy();
      return;
    }
    if (this.#reply !== undefined || this.#holdsBack()) {
      this.#waiting.push(Buffer.from(piece));
      this.socket.pause();
      return;
    }
    if (!(this.#isServed && !this.#isBack()) && this.#answered(piece)) {
      this.#activeAt = this.#front.now;
      return;
    }
    const { side, framing } = this.#served();
    const kept = Buffer.from(piece);
    framing.receive(kept);
    side.receive(kept);
  }

  /** Whoever is next would not know of an answer that is still being sent: a refusal or a stop would cut it short. */
  #holdsBack(): boolean {
    if (this.#isHeldBack || !this.isSending) return this.#isHeldBack;
    this.#isHeldBack = true;
    // An empty write: it is done once everything before it has been sent. If it fails, the connection closes.
    this.socket.write('', 'latin1', () => {
      this.#isHeldBack = false;
      this.#continue();
    });
    return true;
  }

  #end(): void {
    this.#hasEnded = true;
    if (this.#isHeldBack && this.#waiting.length > 0) return;
    // Whoever ends while an answer is worked on has left.
    if (this.#http === undefined || this.#reply !== undefined) this.socket.end();
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
    const fields = head.isRead ? this.#fieldsOf(head.block) : strictFields(head.block, this.#peer);
    if (fields === undefined || piece.byteLength !== head.length + (fields.bodyLength ?? 0)) return false;
    if (!head.isRead) return this.#answeredBy(head, fields, Buffer.from(piece.subarray(head.length)));
    const found = fields.mayHit ? hit(head.method, head.target, fields.asked) : undefined;
    if (found === undefined) return this.#answeredBy(head, fields, NOTHING);
    this.#answers += 1;
    writeHit(socket, found, head.method === 'GET', this.#front.persistence);
    return true;
  }

  #answeredBy({ method, target: written }: StrictHead, { asked, closes }: StrictFields, body: Buffer): boolean {
    const target = strictTarget(written);
    if (target === undefined) return false;
    const { scheme, host, headers, client } = asked;
    const { address: peer, trusted, gateway } = this.#peer;
    const request = { method, target, scheme, host, headers, peer, trusted, gateway, client };
    const persistence = closes ? 'Connection: close\r\n' : this.#front.persistence;
    const ended = closes ? () => this.#close() : () => this.#replied();
    const reply = new SocketReply(this.socket, { isHead: method === 'HEAD', persistence, ended });
    this.#reply = reply;
    if (this.#options.plain(request, body.byteLength === 0 ? undefined : body, reply)) return true;
    this.#reply = undefined;
    return false;
  }

  /** All of the answer has been given to the socket: what has come meanwhile is next. */
  #replied(): void {
    this.#reply = undefined;
    this.#answers += 1;
    this.#activeAt = this.#front.now;
    this.#continue();
  }

  /** Takes up what has waited, as far as that may be. */
  #continue(): void {
    if (this.#waiting.length === 0) return;
    while (this.#reply === undefined && !this.socket.destroyed && !this.#holdsBack()) {
      if (this.#waiting.length === 0) break;
      this.#receive(this.#waiting.shift() as Buffer);
    }
    if (this.#waiting.length > 0) return;
    if (this.#hasEnded) this.#end();
    else this.socket.resume();
  }

  /** The client has asked for no more. */
  #close(): void {
    this.#reply = undefined;
    this.#isClosing = true;
    if (this.#waiting.length > 0) endWhileSent(this.socket);
    else this.socket.destroySoon();
    this.#waiting = [];
  }

  get #waitingBytes(): number {
    return this.#waiting.reduce((sum, { byteLength }) => sum + byteLength, 0);
  }

  #closed(): void {
    this.#http?.side.destroy();
    this.#waiting = [];
    this.#reply?.closed();
    this.#reply = undefined;
  }

  #fieldsOf(block: string): StrictFields | undefined {
    if (block === this.#block) return this.#fields;
    if (block.length > MAX_FIELDS_KEPT) return strictFields(block, this.#peer);
    // As it is cut from the request, it would keep the whole, with its target.
    this.#block = ownText(block);
    this.#fields = strictFields(this.#block, this.#peer);
    return this.#fields;
  }
}
