import { type IncomingMessage, type Server, ServerResponse } from 'node:http';
import type { Socket } from 'node:net';
import type { ClientRequest } from '../exchange/ports.ts';
import { NodeReply } from './node-reply.ts';

/** A connection that Node has handed over, with the handshake of a WebSocket, which has been checked. */
export interface Handshake {
  readonly message: IncomingMessage;
  readonly request: ClientRequest;
  /** Writes to `socket` until it is detached from it. */
  readonly response: ServerResponse;
  readonly reply: NodeReply;
  readonly socket: Socket;
  /** What came behind the handshake. */
  readonly head: Buffer;
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
    const reply = new NodeReply(response);
    const request = accept(message, response);
    if (request !== undefined) take({ message, request, response, reply, socket, head });
  });
}
