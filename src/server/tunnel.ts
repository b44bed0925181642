import type { Socket } from 'node:net';
import type { Duplex } from 'node:stream';
import { asGatewayError, GatewayError, OriginError } from '../errors.ts';
import { askOrigin } from '../exchange/ask-origin.ts';
import { passedFields } from '../exchange/client-fields.ts';
import { forwardFields } from '../exchange/forward.ts';
import type { OriginResponse, Route } from '../exchange/ports.ts';
import { endToEnd } from '../http/connection.ts';
import { headText } from '../http/fields.ts';
import { deliver, type PassThroughOptions } from './pass-through.ts';
import type { PerAddress } from './per-address.ts';
import type { Handshake } from './upgrades.ts';

/**
 * How often tunnels are looked at. One is closed whose reader has taken nothing of what waits for it since the last
 * time.
 */
const SWEEP_MS = 60_000;

/** A tunnel in which nothing has moved for so many looks is closed, too: it holds two connections. */
const IDLE_SWEEPS = 10;

/** What a client may send behind its handshake before that is answered, apart from the last piece. */
const MAX_EARLY_BYTES = 16 * 1024;

/** Probes whether the other side of a silent connection is still there. */
const PROBE_MS = 60_000;

export interface TunnelOptions extends PassThroughOptions {
  /** Keeps count of work that a stopping gateway waits for. */
  readonly track: (work: Promise<unknown>) => void;
  /** Bounds how many tunnels one client address may have open. */
  readonly perAddress: PerAddress;
  /** Default: a minute. */
  readonly sweepMs?: number;
}

/**
 * WebSockets: the origin answers the handshake, and the client gets that answer. What follows are bytes, copied both
 * ways at the reader's pace.
 *
 * @fastify/http-proxy is not used for them: it answers the handshake itself before it asks the origin, and it copies
 * messages whether or not the other side reads them.
 */
export class Tunnels {
  readonly #options: TunnelOptions;
  readonly #open = new Set<Tunnel>();
  #sweep: NodeJS.Timeout | undefined;

  constructor(options: TunnelOptions) {
    this.#options = options;
  }

  /** How many tunnels are open. */
  get size(): number {
    return this.#open.size;
  }

  take(handshake: Handshake): void {
    const { request, reply, socket, head } = handshake;
    const release = this.#options.perAddress.take(request.client.address);
    if (release === undefined) {
      reply.fail(new GatewayError('tooManyStreams'));
      return;
    }
    socket.once('close', release);
    if (head.byteLength > 0) socket.unshift(head);
    this.#options.track(this.#handshake(handshake));
  }

  /** Ends every tunnel. */
  close(): void {
    for (const tunnel of [...this.#open]) tunnel.end();
  }

  async #handshake(asked: Handshake): Promise<void> {
    const { request, reply, socket } = asked;
    try {
      const route = this.#options.routeOf(request);
      const answer = await ask(asked, route);
      if (answer.upgraded === undefined) {
        // Drops what follows a refused handshake. Unread, it would make the system reset the connection and lose the
        // answer.
        socket.resume();
        await deliver(asked, answer, route, this.#options);
      } else {
        // Whether over TCP or TLS, the connection is a socket.
        const origin = answer.upgraded as Socket;
        origin.on('error', () => origin.destroy());
        const head = headOf(answer, route);
        this.#options.passed(request);
        asked.detach();
        this.#join(new Tunnel(socket, origin, head));
      }
    } catch (error) {
      this.#options.failed(error, request);
      reply.fail(asGatewayError(error));
    }
  }

  #join(tunnel: Tunnel): void {
    this.#open.add(tunnel);
    this.#sweep ??= setInterval(() => this.#endStill(), this.#options.sweepMs ?? SWEEP_MS).unref();
    tunnel.onClosed(() => {
      this.#open.delete(tunnel);
      if (this.#open.size > 0) return;
      clearInterval(this.#sweep);
      this.#sweep = undefined;
    });
  }

  #endStill(): void {
    for (const tunnel of [...this.#open]) if (tunnel.isStill()) tunnel.end();
  }
}

/** Two connections, each of which is sent what the other one receives. */
class Tunnel {
  readonly #sides: readonly [Socket, Socket];
  #moved = 0;
  #waiting = false;
  #idleSweeps = 0;

  constructor(socket: Socket, origin: Socket, head: string) {
    this.#sides = [socket, origin];
    for (const [side, other] of [
      [socket, origin],
      [origin, socket],
    ] as const) {
      side.setNoDelay(true);
      side.setTimeout(0);
      side.setKeepAlive(true, PROBE_MS);
      side.on('error', () => side.destroy());
      // What this side has sent before is still sent on.
      side.once('close', () => other.destroySoon());
    }
    socket.write(head, 'latin1');
    socket.pipe(origin);
    origin.pipe(socket);
    if (socket.destroyed || origin.destroyed) this.end();
  }

  onClosed(listener: () => void): void {
    let open = this.#sides.length;
    for (const side of this.#sides) {
      const closed = (): void => {
        open -= 1;
        if (open === 0) listener();
      };
      if (side.closed) closed();
      else side.once('close', closed);
    }
  }

  /** Asked at each look. True if a reader takes nothing of what waits for it, or nothing has moved for long. */
  isStill(): boolean {
    let moved = 0;
    for (const side of this.#sides) moved += side.bytesRead + side.bytesWritten - side.writableLength;
    const waiting = this.#sides.some((side) => side.writableLength > 0);
    const stands = moved === this.#moved;
    const stalled = stands && waiting && this.#waiting;
    this.#idleSweeps = stands ? this.#idleSweeps + 1 : 0;
    this.#moved = moved;
    this.#waiting = waiting;
    return stalled || this.#idleSweeps >= IDLE_SWEEPS;
  }

  end(): void {
    for (const side of this.#sides) side.destroy();
  }
}

/** Asks the origin, until the client leaves. */
async function ask({ request, reply, socket }: Handshake, route: Route): Promise<OriginResponse> {
  const abort = new AbortController();
  const leave = (): void => abort.abort();
  reply.onGone(leave);
  const unwatch = onceEnded(socket, leave);
  try {
    const headers = forwardFields(request, route.policy.client);
    return await askOrigin({ request, route }, { headers, reply, upgrade: 'websocket', signal: abort.signal });
  } finally {
    unwatch();
  }
}

/** The head of the 101. The client and the origin negotiate the key, the protocol and the extensions. */
function headOf({ headers, upgraded }: OriginResponse, route: Route): string {
  if (headers.get('upgrade')?.toLowerCase() !== 'websocket') {
    upgraded?.destroy();
    throw new OriginError('originInvalid', { sent: true, detail: 'The origin switched to another protocol' });
  }
  const lines = passedFields(endToEnd(headers.lines), route.policy.client);
  return `HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n${headText(lines)}\r\n`;
}

/**
 * Calls `ended` at the end of a connection that nobody reads from yet. The end shows only once everything before it has
 * been read, so what a client sends too early (RFC 6455 §4.1 forbids it) is read and kept, up to `MAX_EARLY_BYTES`. The
 * returned function stops watching and puts it back.
 */
function onceEnded(socket: Duplex, ended: () => void): () => void {
  const early: Buffer[] = [];
  let room = MAX_EARLY_BYTES;
  const look = (): void => {
    while (room > 0) {
      const piece = socket.read() as Buffer | null;
      if (piece === null) return;
      early.push(piece);
      room -= piece.byteLength;
    }
  };
  socket.on('readable', look);
  socket.once('end', ended);
  return () => {
    socket.off('readable', look);
    socket.off('end', ended);
    if (early.length > 0 && !socket.readableEnded && !socket.destroyed) socket.unshift(Buffer.concat(early));
  };
}
