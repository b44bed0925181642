import type { Socket } from 'node:net';
import { type FastHit, KEPT_BODY_BYTES } from '../exchange/ports.ts';
import { formatCacheStatus } from '../http/cache-status.ts';
import { type Content, latin1Of, lengthOf } from '../http/content.ts';
import { CURSOR_FIELD } from '../http/event-cursor.ts';
import { ownText } from '../http/own-memory.ts';
import { statusLine } from './answer-head.ts';
import { writeAnswer } from './socket-write.ts';

const HIT = formatCacheStatus({ hit: true, ttl: 0 }).slice(0, -1);

/**
 * Writes a hit as Node's HTTP server would have written it.
 * @param persistence the lines of the head that say that the connection is kept
 */
export function writeHit(socket: Socket, hit: FastHit, isGet: boolean, persistence: string): void {
  const { status, content, kept } = hit;
  const start = startOf(hit);
  if (status === 304) {
    socket.write(`${start}\r\n${persistence}\r\n`, 'latin1');
  } else if (!isGet) {
    socket.write(start + headEndOf(content, persistence), 'latin1');
  } else if (kept?.tail !== undefined) {
    // Not even the length of the body is read: among many responses, each object is in no CPU cache.
    socket.write(start + kept.tail, 'latin1');
  } else if (lengthOf(content) <= KEPT_BODY_BYTES) {
    const tail = headEndOf(content, persistence) + latin1Of(content);
    if (kept !== undefined) kept.tail = ownText(tail);
    socket.write(start + tail, 'latin1');
  } else {
    writeAnswer(socket, start + headEndOf(content, persistence), content);
  }
}

/** Up to the lines that depend on the time. These are the last that may differ between two answers with one form. */
function startOf({ status, head, age, ttl, cursor }: FastHit): string {
  const position = cursor === undefined ? '' : `\r\n${CURSOR_FIELD}: ${cursor}`;
  return `${statusLine(status)}${head}Age: ${age}\r\nCache-Status: ${HIT}${ttl}${position}`;
}

const headEndOf = (content: Content, persistence: string): string =>
  `\r\nContent-Length: ${lengthOf(content)}\r\n${persistence}\r\n`;
