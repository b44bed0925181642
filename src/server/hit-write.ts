import type { Socket } from 'node:net';
import { type FastHit, KEPT_BODY_BYTES } from '../exchange/ports.ts';
import { formatCacheStatus } from '../http/cache-status.ts';
import { latin1Of, lengthOf } from '../http/content.ts';
import { CURSOR_FIELD } from '../http/event-cursor.ts';
import { statusLine } from './answer-head.ts';
import { writeAnswer } from './socket-write.ts';

const HIT = formatCacheStatus({ hit: true, ttl: 0 }).slice(0, -1);

/**
 * Writes a hit as Node's HTTP server would have written it.
 * @param persistence the lines of the head that say that the connection is kept
 */
export function writeHit(socket: Socket, hit: FastHit, isGet: boolean, persistence: string): void {
  const { status, age, ttl, cursor, last } = hit;
  const content = status === 304 ? '' : hit.content;
  if (isGet && lengthOf(content) <= KEPT_BODY_BYTES) {
    const isAsLast = last.age === age && last.ttl === ttl && last.cursor === cursor;
    const text = (isAsLast ? last.text : undefined) ?? headOf(hit, persistence) + latin1Of(content);
    // Many are asked for about once while their age is the same. A text that is kept becomes old garbage then.
    last.text = isAsLast ? text : undefined;
    if (!isAsLast) {
      last.age = age;
      last.ttl = ttl;
      last.cursor = cursor;
    }
    socket.write(text, 'latin1');
  } else if (isGet) {
    writeAnswer(socket, headOf(hit, persistence), content);
  } else {
    socket.write(headOf(hit, persistence), 'latin1');
  }
}

function headOf({ status, head, content, age, ttl, cursor }: FastHit, persistence: string): string {
  const times = `Age: ${age}\r\nCache-Status: ${HIT}${ttl}`;
  const position = cursor === undefined ? '' : `\r\n${CURSOR_FIELD}: ${cursor}`;
  const length = status === 304 ? '' : `\r\nContent-Length: ${lengthOf(content)}`;
  return `${statusLine(status)}${head}${times}${position}${length}\r\n${persistence}\r\n`;
}
