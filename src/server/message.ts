import { IncomingMessage } from 'node:http';
import type { Duplex } from 'node:stream';
import { pipelineOf } from './pipeline.ts';

/**
 * Ignores upgrades to anything but a WebSocket (RFC 9110 §7.8). Above all `h2c`, which would tunnel requests past every
 * check, and which some clients ask for with each first request. Where `upgrade` is true, Node hands over the
 * connection with the body of the request still in it.
 */
export class Message extends IncomingMessage {
  // The constructor of the super class sets it. An initialised field of this class would overwrite that.
  declare asked: boolean | null;

  get upgrade(): boolean {
    if (this.asked !== true) return false;
    if (this.method === 'CONNECT') return pipelineOf(this.socket)?.sealed !== true;
    // RFC 6455 §4.1: a GET without a body. A connection with unanswered requests cannot be handed over.
    const isHandshake = this.method === 'GET' && this.headers.upgrade?.trim().toLowerCase() === 'websocket';
    return isHandshake && !hasBody(this) && isFree(this.socket);
  }

  set upgrade(value: boolean | null) {
    this.asked = value;
  }

  get refused(): boolean {
    return this.asked === true && !this.upgrade;
  }

  /** One that was read to its end has no error to tell anybody of, for which Node would take one more tick. */
  override _destroy(error: Error | null, done: (error?: Error | null) => void): void {
    if (error === null && this.readableEnded) done(null);
    else super._destroy(error, done);
  }
}

function isFree(socket: Duplex): boolean {
  return pipelineOf(socket)?.free !== false;
}

export function hasBody(message: IncomingMessage): boolean {
  const length = message.headers['content-length'];
  return message.headers['transfer-encoding'] !== undefined || (length !== undefined && length !== '0');
}
