import type { Socket } from 'node:net';
import type { Duplex } from 'node:stream';
import { systemClock } from '../clock.ts';
import type { ServerLimits } from '../config/model.ts';
import { GatewayError } from '../errors.ts';
import { type Pipeline, pipelineOf } from './pipeline.ts';
import { refuse } from './refusal.ts';

/** Connections are looked at at least this often: the bounds are that exact. */
const LOOK_MS = 1_000;

export interface SlowClientsOptions {
  readonly limits: ServerLimits;
  readonly cut: (peer: string | undefined, reason: string) => void;
}

/** A connection of a client. */
export interface ClientConnection {
  readonly socket: Socket;
  /** What the HTTP server takes for the connection; undefined if it has not been given anything of it. */
  readonly side: Duplex | undefined;
}

/** A body that waits for its client to send it (`upload`) or to read it (`answer`). */
interface Wait {
  readonly kind: 'upload' | 'answer';
  readonly since: number;
  movedAt: number;
  /** What has moved since then. */
  bytes: number;
  /** Bytes received or sent, as the socket counts them, and how much of the last write the system has not taken. */
  seen: { readonly done: number; readonly queued: number };
}

/**
 * Cuts off clients that stand still: each holds a connection of the gateway, and mostly one to an origin. A body may
 * stand still for a bounded time, and has to keep an average rate. How many connections to an origin the clients of one
 * address may hold meanwhile is bounded apart from that (exchange/origin-shares.ts).
 *
 * A timer looks at all connections, so that requests pay nothing.
 */
export class SlowClients {
  readonly #options: SlowClientsOptions;
  readonly #waits = new Map<Duplex, { readonly connection: ClientConnection; wait: Wait | undefined }>();
  readonly #timer: NodeJS.Timeout;

  constructor(options: SlowClientsOptions) {
    this.#options = options;
    this.#timer = setInterval(() => this.#look(), Math.min(LOOK_MS, Math.ceil(options.limits.bodyIdleMs / 4))).unref();
  }

  watch(connection: ClientConnection): void {
    const { socket } = connection;
    this.#waits.set(socket, { connection, wait: undefined });
    socket.once('close', () => this.#waits.delete(socket));
  }

  /** Stops watching a connection that has been handed over. */
  release(socket: Duplex): void {
    this.#waits.delete(socket);
  }

  stop(): void {
    clearInterval(this.#timer);
  }

  #look(): void {
    const now = systemClock.monotonic();
    for (const watched of this.#waits.values()) {
      const pipeline = pipelineIn(watched.connection);
      pipeline?.peek();
      const wait = waitOf(watched.connection.socket, pipeline, watched.wait, now);
      watched.wait = wait;
      const reason = wait && this.#tooSlow(wait, now);
      if (wait !== undefined && reason !== undefined) this.#cut(watched.connection, wait.kind, reason);
    }
  }

  #tooSlow({ movedAt, since, bytes }: Wait, now: number): string | undefined {
    const { bodyIdleMs, minBodyBytesPerSecond } = this.#options.limits;
    if (now - movedAt > bodyIdleMs) return 'a body stood still';
    const owed = ((now - since - bodyIdleMs) / 1000) * minBodyBytesPerSecond;
    return bytes < owed ? 'a body moved too slowly' : undefined;
  }

  #cut(connection: ClientConnection, kind: Wait['kind'], reason: string): void {
    const { socket, side } = connection;
    this.#waits.delete(socket);
    this.#options.cut(socket.remoteAddress, reason);
    const pipeline = pipelineIn(connection);
    // An answer that has begun, or was given already, cannot become another.
    const isAnswered = kind === 'answer' || pipeline?.uploading?.response.writableEnded === true;
    const silent = side === undefined || pipeline === undefined || pipeline.sealed || isAnswered;
    if (silent) socket.destroy();
    else refuse(pipeline, side, new GatewayError('requestTimeout'));
  }
}

function pipelineIn({ side }: ClientConnection): Pipeline | undefined {
  return side && pipelineOf(side);
}

/** What a connection waits for, continued from the last look at it. */
function waitOf(
  socket: Socket,
  pipeline: Pipeline | undefined,
  earlier: Wait | undefined,
  now: number,
): Wait | undefined {
  const kind = kindOf(socket, pipeline);
  if (kind === undefined) return undefined;
  const seen = measure(socket, kind);
  if (earlier?.kind !== kind) return { kind, since: now, movedAt: now, bytes: 0, seen };
  const moved = seen.done > earlier.seen.done ? seen.done - earlier.seen.done : earlier.seen.queued - seen.queued;
  if (moved > 0) {
    earlier.movedAt = now;
    earlier.bytes += moved;
  }
  earlier.seen = seen;
  return earlier;
}

function kindOf(socket: Socket, pipeline: Pipeline | undefined): Wait['kind'] | undefined {
  if (socket.writableLength > 0) return 'answer';
  const message = pipeline?.uploading?.message;
  // What has come and has not been taken waits for the origin, not for the client.
  return message !== undefined && message.readableLength === 0 ? 'upload' : undefined;
}

function measure(socket: Socket, kind: Wait['kind']): Wait['seen'] {
  if (kind === 'upload') return { done: socket.bytesRead, queued: 0 };
  // Only the system knows how much of one large write has been sent.
  const { _handle: handle } = socket as { _handle?: { writeQueueSize?: number } | null };
  return { done: socket.bytesWritten - socket.writableLength, queued: handle?.writeQueueSize ?? 0 };
}
