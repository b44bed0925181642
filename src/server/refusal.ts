import type { Socket } from 'node:net';
import type { Duplex } from 'node:stream';
import { GatewayError } from '../errors.ts';
import { headText } from '../http/fields.ts';
import { statusLine } from './answer-head.ts';
import type { Pipeline } from './pipeline.ts';
import { problemBody, problemLines } from './problem-json.ts';

/** How long a refused client may go on sending: one that is cut off at once might not see why (RFC 9112 §9.6). */
const LINGER_MS = 2_000;

/**
 * Answers a malformed request behind the answers to earlier ones. In the middle of one, the client or a cache on the
 * way would take it for a part of that answer's body.
 */
export function refuse(pipeline: Pipeline, socket: Duplex, problem: GatewayError | undefined): void {
  if (problem === undefined) socket.destroy();
  else
    pipeline.malformed(
      () => write(socket, problem),
      () => socket.destroy(),
    );
}

/**
 * Ends a connection whose client goes on sending. What has not been read when it closes would have the system drop what
 * the client has not received yet (RFC 9112 §9.6).
 */
export function endWhileSent(socket: Socket): void {
  socket.resume();
  socket.end(() => {
    const cut = setTimeout(() => socket.destroy(), LINGER_MS);
    socket.once('close', () => clearTimeout(cut));
  });
}

/** The error for what Node's parser has refused; undefined where the client merely went away. */
export function malformed(error: NodeJS.ErrnoException): GatewayError | undefined {
  switch (error.code) {
    case 'ECONNRESET':
    case 'EPIPE':
      return undefined;
    case 'HPE_HEADER_OVERFLOW':
      return new GatewayError('headersTooLarge');
    case 'ERR_HTTP_REQUEST_TIMEOUT':
      return new GatewayError('requestTimeout');
    default:
      return new GatewayError('badRequest', undefined, { cause: error });
  }
}

function write(socket: Duplex, problem: GatewayError): void {
  if (!socket.writable) {
    socket.destroy();
    return;
  }
  const body = problemBody(problem);
  const lines = [...problemLines(problem), 'Content-Length', String(body.byteLength), 'Connection', 'close'];
  const head = `${statusLine(problem.status)}${headText(lines)}`;
  const cut = setTimeout(() => socket.destroy(), LINGER_MS);
  socket.once('close', () => clearTimeout(cut));
  socket.end(`${head}\r\n${body.toString()}`);
  // Nobody reads a socket that Node has handed over.
  socket.resume();
}
