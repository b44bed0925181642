import type { IncomingMessage } from 'node:http';
import { type WebSocket, WebSocketServer } from 'ws';
import type { EventsCorsConfig } from '../config/model.ts';
import { asGatewayError, GatewayError } from '../errors.ts';
import type { EventHub } from '../events/hub.ts';
import { mayOpenSocket } from '../events/page-origin.ts';
import type { Authority } from '../events/rights.ts';
import { EventSocket } from '../events/web-socket.ts';
import type { ClientRequest } from '../exchange/ports.ts';
import { subscriptionOf } from './events-route.ts';
import { connectionUnder, HttpSide } from './http-side.ts';
import type { PerAddress } from './per-address.ts';
import type { Handshake } from './upgrades.ts';
import { WebSocketSink } from './web-socket-sink.ts';

/** The largest message of a client: as many filters as there may be, most of them of an ordinary length. */
const MAX_MESSAGE_BYTES = 16 * 1024;
/** A message may come in as many frames, and a frame in as many pieces: each is an object in memory until the last. */
const MAX_FRAGMENTS = 64;
const MAX_CHUNKS = 1_024;
/** How long a client may take to answer the close frame. What has not been sent by then is dropped. */
const CLOSE_MS = 2_000;

/** A parameter that the event stream does not have. */
const SUBSCRIBE = 'subscribe';

const bounds = {
  maxPayload: MAX_MESSAGE_BYTES,
  maxFragments: MAX_FRAGMENTS,
  maxBufferedChunks: MAX_CHUNKS,
  closeTimeout: CLOSE_MS,
};

export interface EventSocketsOptions {
  readonly cors: EventsCorsConfig | undefined;
  readonly hub: EventHub;
  readonly authority: Authority;
  /** Bounds the event streams and event sockets of one address. */
  readonly streams: PerAddress;
  /** Keeps count of work that a stopping gateway waits for. */
  readonly track: (work: Promise<unknown>) => void;
}

/** Events over WebSockets (RFC 6455). `ws` does the handshake and reads; events are written as prepared frames. */
export class EventSockets {
  readonly #options: EventSocketsOptions;
  readonly #server = new WebSocketServer({
    noServer: true,
    clientTracking: false,
    perMessageDeflate: false,
    autoPong: false,
    handleProtocols: () => false,
    ...bounds,
  });
  /** Handshakes that `ws` is looking at. */
  readonly #looking = new WeakMap<IncomingMessage, Handshake>();

  constructor(options: EventSocketsOptions) {
    this.#options = options;
    this.#server.on('wsClientError', (error, _socket, message) => {
      this.#looking.get(message)?.reply.fail(new GatewayError('badRequest', error.message));
    });
  }

  take(handshake: Handshake): void {
    this.#options.track(this.#open(handshake));
  }

  async #open(handshake: Handshake): Promise<void> {
    const { request, message, reply, socket } = handshake;
    const { hub, authority, streams, cors } = this.#options;
    try {
      if (request.headers.get('sec-websocket-version') !== '13') {
        throw new GatewayError('upgradeRequired', 'this gateway speaks version 13 of the WebSocket protocol');
      }
      if (!mayOpenSocket(request, cors)) {
        throw new GatewayError('foreignPage', 'events.cors.origins does not name the origin of the page');
      }
      const release = streams.take(request.client.address);
      if (release === undefined) throw new GatewayError('tooManyStreams');
      const connection = connectionUnder(socket);
      connection.once('close', release);
      const asked = await subscriptionOf(request, authority, [SUBSCRIBE]);
      const subscription = beginsEmpty(request) ? { ...asked, filter: undefined } : asked;
      hub.checkRoom();
      this.#looking.set(message, handshake);
      // First: a stream that was full reads on when it is emptied.
      const rest = behind(handshake);
      // What came behind the handshake waits until there is somebody who reads it.
      connection.pause();
      this.#server.handleUpgrade(message, connection, rest, (client) => {
        handshake.detach();
        if (socket instanceof HttpSide) socket.handOver();
        const sink = new WebSocketSink(client, connection);
        serve(new EventSocket(hub, subscription, sink), client, sink);
      });
      connection.resume();
    } catch (error) {
      const problem = asGatewayError(error);
      reply.fail(problem, problem.code === 'upgradeRequired' ? ['Sec-WebSocket-Version', '13'] : []);
    }
  }
}

/** What the client has sent behind its handshake. */
function behind({ head, socket }: Handshake): Buffer {
  const rest: Buffer | null = socket.read();
  return rest === null ? head : Buffer.concat([head, rest]);
}

/** `?subscribe=none`: the client says by messages what it wants. */
function beginsEmpty({ target }: ClientRequest): boolean {
  return new URLSearchParams(target.query).get(SUBSCRIBE) === 'none';
}

function serve(own: EventSocket, client: WebSocket, sink: WebSocketSink): void {
  // Only text is decoded, and a Buffer is what `ws` gives for both kinds.
  client.on('message', (data: Buffer, isBinary) => {
    sink.heard();
    own.receive(data, isBinary);
  });
  client.on('ping', (payload) => {
    sink.heard();
    own.ping(payload);
  });
  client.on('pong', () => sink.heard());
  // `ws` closes the connection with a code that says what was wrong.
  client.on('error', () => own.end());
  client.on('close', () => own.end());
}
