import { type IncomingMessage, type Server, ServerResponse } from 'node:http';
import type { Socket } from 'node:net';
import type { Duplex } from 'node:stream';
import type { ClientRequest } from '../exchange/ports.ts';
import { NodeReply } from './node-reply.ts';

/** A connection that Node has handed over, with the handshake of a WebSocket, which has been checked. */
export interface Handshake {
  readonly message: IncomingMessage;
  readonly request: ClientRequest;
  readonly reply: NodeReply;
  readonly socket: Socket;
  /** What came behind the handshake. */
  readonly head: Buffer;
  /** Called by whoever uses the connection for something else than an answer. `reply` must not be used afterwards. */
  readonly detach: () => void;
}

const DETACHED = 'unstale:detached';

/** Calls back with each connection that is used for something else than HTTP from now on. */
export function onDetached(server: Server, listener: (side: Duplex) => void): void {
  server.on(DETACHED, listener);
}

export interface UpgradeOptions {
  /** Checks the handshake, and answers it where it is refused. */
  readonly accept: (message: IncomingMessage, response: ServerResponse) => ClientRequest | undefined;
  readonly take: (handshake: Handshake) => void;
}

/** Takes the connections that Node hands over. Any refusal is an ordinary answer, behind which the connection ends. */
export function takeUpgrades(server: Server, { accept, take }: UpgradeOptions): void {
  server.on('upgrade', (message: IncomingMessage, stream, head: Buffer) => {
    // A client's connection is a TCP socket, whatever Node's types say: this server has no TLS.
    const socket = stream as Socket;
    const response = new ServerResponse(message);
    response.shouldKeepAlive = false;
    response.assignSocket(socket);
    response.once('finish', () => socket.destroySoon());
    // Node has taken its own listener off: an answer that is larger than the buffers would wait for ever.
    const drained = (): boolean => response.emit('drain');
    socket.on('drain', drained);
    const detach = (): void => {
      socket.off('drain', drained);
      response.detachSocket(socket);
      server.emit(DETACHED, socket);
    };
    const request = accept(message, response);
    if (request !== undefined) take({ message, request, reply: new NodeReply(response), socket, head, detach });
  });
}
