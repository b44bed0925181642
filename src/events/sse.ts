import type { OutgoingHttpHeaders, ServerResponse } from 'node:http';
import type { Socket } from 'node:net';
import type { Duplex } from 'node:stream';
import { systemClock } from '../clock.ts';
import { Direct } from './direct.ts';
import type { EventHub } from './hub.ts';
import { checkExpiry } from './rights.ts';
import type { Ending, Sink } from './sink.ts';
import type { Subscription } from './subscription.ts';
import type { Wire } from './wire.ts';

const head = { 'Content-Type': 'text/event-stream', 'Cache-Control': 'no-store', 'X-Accel-Buffering': 'no' };

/** The connection of a response, where what the HTTP server takes for the connection is another stream. */
export interface StreamConnection {
  readonly socket: Duplex;
  /**
   * Takes the connection from the HTTP server, for which it ends with this response; undefined where it has to stay.
   * Whoever takes it ends the response.
   */
  takeOver(): Socket | undefined;
}

export interface EventStreamOptions {
  /** Of the response, besides those of every event stream. */
  readonly fields?: OutgoingHttpHeaders;
  readonly connection?: StreamConnection;
  /** Default: `eventStream`. */
  readonly wire?: Wire;
}

/**
 * Serves a subscription as an event stream (WHATWG HTML §9.2). It ends when the client disconnects or reads too
 * slowly, its rights expire, or the hub closes. Ends at once where clients should go to another node.
 * @throws GatewayError 503 if there are too many subscribers, 401 if the token has expired; nothing has been sent then
 */
export function serveEvents(
  hub: EventHub,
  subscription: Subscription,
  response: ServerResponse,
  { fields, connection, wire }: EventStreamOptions = {},
): void {
  // A status of 503 would be final for an EventSource (WHATWG HTML §9.2.3): it would hear of nothing for good. This one
  // comes again, as other clients do: that nothing was sent tells them that they were not connected.
  if (hub.reasonToLeave !== undefined) {
    response.shouldKeepAlive = false;
    response.writeHead(200, { ...head, ...fields, 'Content-Length': 0 }).end();
    return;
  }
  hub.checkRoom();
  checkExpiry(subscription.rights, systemClock);
  // Delimited by closing the connection: without chunked framing, all subscribers get the same bytes.
  response.useChunkedEncodingByDefault = false;
  response.shouldKeepAlive = false;
  const taken = connection?.takeOver();
  // What a stream begins with is sent as one piece.
  taken?.cork();
  response.writeHead(200, { ...head, ...fields });
  response.flushHeaders();
  // The HTTP server then lets go of the request, the response and its parser: half of what a stream would hold.
  if (taken !== undefined) response.end();
  const sink = taken === undefined ? new ResponseSink(response, connection?.socket) : new SocketSink(taken);
  const subscriber = hub.subscribe(subscription, sink, wire);
  taken?.uncork();
  (taken ?? response).on('close', () => subscriber.unsubscribe());
}

/** A stream whose connection has been taken from the HTTP server. */
class SocketSink implements Sink {
  readonly #socket: Socket;

  constructor(socket: Socket) {
    this.#socket = socket;
  }

  get writableLength(): number {
    return this.#socket.writableLength;
  }

  write(bytes: Buffer): boolean {
    return this.#socket.write(bytes);
  }

  once(event: 'drain', listener: () => void): void {
    this.#socket.once(event, listener);
  }

  cork(): void {
    this.#socket.cork();
  }

  uncork(): void {
    this.#socket.uncork();
  }

  end(why: Ending): void {
    if (isOrderly(why)) this.#socket.destroySoon();
    else this.#socket.destroy();
  }
}

/** A stream that is the response of the HTTP server. */
class ResponseSink implements Sink {
  readonly #response: ServerResponse;
  readonly #written: Direct | ServerResponse;

  /** @param connection what the socket of the response writes to, if that is not the connection itself */
  constructor(response: ServerResponse, connection: Duplex | undefined) {
    this.#response = response;
    const { socket } = response;
    this.#written = socket === null ? response : new Direct(socket, connection ?? socket);
  }

  get writableLength(): number {
    return this.#written.writableLength;
  }

  write(bytes: Buffer): boolean {
    return this.#written.write(bytes);
  }

  once(event: 'drain', listener: () => void): void {
    this.#written.once(event, listener);
  }

  cork(): void {
    this.#written.cork();
  }

  uncork(): void {
    this.#written.uncork();
  }

  end(why: Ending): void {
    if (isOrderly(why)) this.#response.end();
    else this.#response.destroy();
  }
}

/** Whether what has been written is sent before the connection closes. */
const isOrderly = (why: Ending): boolean => why === 'draining' || why === 'away' || why === 'expired';
