import type { Socket } from 'node:net';
import { type FastHit, KEPT_BODY_BYTES, type LastWritten } from '../exchange/ports.ts';
import { formatCacheStatus } from '../http/cache-status.ts';
import { latin1Of, lengthOf } from '../http/content.ts';
import { CURSOR_FIELD } from '../http/event-cursor.ts';
import { statusLine } from './answer-head.ts';
import { writeAnswer } from './socket-write.ts';

const HIT = formatCacheStatus({ hit: true, ttl: 0 }).slice(0, -1);

const AGE = 'Age: ';
const STATUS = `\r\nCache-Status: ${HIT}`;
const CURSOR = `\r\n${CURSOR_FIELD}: `;

/**
 * Writes a hit as Node's HTTP server would have written it. What is asked for more than once is kept as it was written,
 * and the next time only the values that change are replaced in it.
 * @param persistence the lines of the head that say that the connection is kept
 */
export function writeHit(socket: Socket, hit: FastHit, isGet: boolean, persistence: string): void {
  const { last } = hit;
  if (isGet && last.octets !== undefined && isFitting(last, hit)) {
    replaceValues(last, last.octets, hit);
    writeKept(socket, last, last.octets);
    return;
  }
  const head = headOf(hit, persistence);
  const content = hit.status === 304 ? '' : hit.content;
  if (!isGet) {
    socket.write(head, 'latin1');
  } else if (lengthOf(content) > KEPT_BODY_BYTES) {
    writeAnswer(socket, head, content);
  } else if (last.age < 0) {
    // Most of what a crawler asks for is asked for once.
    last.age = hit.age;
    socket.write(head + latin1Of(content), 'latin1');
  } else {
    writeKept(socket, last, keep(hit, head + latin1Of(content)));
  }
}

function writeKept(socket: Socket, last: LastWritten, octets: Buffer): void {
  socket.write(octets);
  // The system has not taken all of it: what is left must stay as it is.
  if (socket.writableLength > 0) last.octets = undefined;
}

/** Whether the values of a hit take the room of those that were written last. */
function isFitting(last: LastWritten, { age, ttl, cursor }: FastHit): boolean {
  return (
    (age === last.age || digitsOf(age) === digitsOf(last.age)) &&
    (ttl === last.ttl || (ttl >= 0 && last.ttl >= 0 && digitsOf(ttl) === digitsOf(last.ttl))) &&
    (cursor === last.cursor || (cursor !== undefined && cursor.length === last.cursor?.length))
  );
}

function digitsOf(value: number): number {
  let digits = 1;
  for (let bound = 10; value >= bound; bound *= 10) digits += 1;
  return digits;
}

function replaceValues(last: LastWritten, octets: Buffer, { age, ttl, cursor }: FastHit): void {
  if (age !== last.age) {
    writeDigits(octets, last.ageAt, age);
    last.age = age;
  }
  if (ttl !== last.ttl) {
    writeDigits(octets, last.ttlAt, ttl);
    last.ttl = ttl;
  }
  if (cursor !== undefined && cursor !== last.cursor) {
    octets.write(cursor, last.cursorAt, 'latin1');
    last.cursor = cursor;
  }
}

function writeDigits(octets: Buffer, from: number, value: number): void {
  let rest = value;
  for (let at = from + digitsOf(value) - 1; at >= from; at--) {
    octets[at] = 48 + (rest % 10);
    rest = Math.floor(rest / 10);
  }
}

function keep({ status, head, age, ttl, cursor, last }: FastHit, text: string): Buffer {
  // Memory of its own: it is kept for long.
  const octets = Buffer.allocUnsafeSlow(text.length);
  octets.write(text, 'latin1');
  last.octets = octets;
  last.age = age;
  last.ttl = ttl;
  last.cursor = cursor;
  last.ageAt = statusLine(status).length + head.length + AGE.length;
  last.ttlAt = last.ageAt + digitsOf(age) + STATUS.length;
  last.cursorAt = last.ttlAt + String(ttl).length + CURSOR.length;
  return octets;
}

function headOf({ status, head, content, age, ttl, cursor }: FastHit, persistence: string): string {
  const times = `${AGE}${age}${STATUS}${ttl}`;
  const position = cursor === undefined ? '' : `${CURSOR}${cursor}`;
  const length = status === 304 ? '' : `\r\nContent-Length: ${lengthOf(content)}`;
  return `${statusLine(status)}${head}${times}${position}${length}\r\n${persistence}\r\n`;
}
