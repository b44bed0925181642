import { IncomingMessage } from 'node:http';
import type { Duplex } from 'node:stream';
import { pipelineOf } from './pipeline.ts';

/**
 * Upgrades to anything but a WebSocket are as if they had not been asked for (RFC 9110 §7.8): `h2c` above all, which would tunnel
 * requests past every check, and which some clients ask for with each first request. Node hands a connection over, with the
 * body of the request still in it, wherever there is a listener and this says that there is an upgrade.
 */
export class Message extends IncomingMessage {
  // Set by the constructor of the super class: a field of this class would be declared after that.
  declare asked: boolean | null;

  get upgrade(): boolean {
    if (this.asked !== true) return false;
    if (this.method === 'CONNECT') return pipelineOf(this.socket)?.sealed !== true;
    // RFC 6455 §4.1: a GET, by itself. Behind others that are not answered yet, the connection is not free to be handed over.
    const isHandshake = this.method === 'GET' && this.headers.upgrade?.trim().toLowerCase() === 'websocket';
    return isHandshake && !hasBody(this) && isFree(this.socket);
  }

  set upgrade(value: boolean | null) {
    this.asked = value;
  }

  get refused(): boolean {
    return this.asked === true && !this.upgrade;
  }
}

function isFree(socket: Duplex): boolean {
  return pipelineOf(socket)?.free !== false;
}

export function hasBody(message: IncomingMessage): boolean {
  const length = message.headers['content-length'];
  return message.headers['transfer-encoding'] !== undefined || (length !== undefined && length !== '0');
}
