import type { Socket } from 'node:net';
import { WebSocket } from 'ws';
import { reconnectMs } from '../events/reconnect.ts';
import type { Ending } from '../events/sink.ts';
import { type Closing, closing, type SocketSink } from '../events/web-socket.ts';
import { webSocketWire } from '../events/web-socket-frame.ts';

/** How many pings in a row a client may leave unanswered. The last one may have been sent a moment ago. */
const MAX_UNANSWERED = 2;

/**
 * Where the frames of one WebSocket are written: its connection itself, since they are prepared. `ws` writes whole
 * frames, and at once, so that the two do not mix.
 */
export class WebSocketSink implements SocketSink {
  readonly #client: WebSocket;
  readonly #socket: Socket;
  /** Pings since the client was last heard of. */
  #unanswered = 0;

  constructor(client: WebSocket, socket: Socket) {
    this.#client = client;
    this.#socket = socket;
  }

  get writableLength(): number {
    return this.#socket.writableLength;
  }

  write(bytes: Buffer): boolean {
    // Nothing may come behind a close frame (RFC 6455 §5.5.1).
    if (this.#client.readyState !== WebSocket.OPEN || bytes.byteLength === 0) return true;
    if (bytes === webSocketWire.heartbeat) this.#unanswered += 1;
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

  /** The client has sent something. */
  heard(): void {
    this.#unanswered = 0;
  }

  get isSilent(): boolean {
    return this.#unanswered >= MAX_UNANSWERED;
  }

  close({ code, reason }: Closing): void {
    this.#client.close(code, reason);
  }

  end(why: Ending): void {
    if (why === 'silent') {
      this.#client.terminate();
    } else if (why === 'draining' || why === 'away') {
      const { code, reason } = closing[why];
      this.close({ code, reason: `${reason}: reconnect after ${reconnectMs()} ms` });
    } else {
      this.close(closing[why]);
    }
  }
}
