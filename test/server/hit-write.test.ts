import type { Socket } from 'node:net';
import fc from 'fast-check';
import { expect, test } from 'vitest';
import type { FastHit } from '../../src/exchange/ports.ts';
import { nothingWritten } from '../../src/exchange/read/fast-hits.ts';
import { writeHit } from '../../src/server/hit-write.ts';

/* A hit is kept as it was written. Whatever has changed since then, the next answer is as if it were not. */

const PERSISTENCE = 'Connection: keep-alive\r\nKeep-Alive: timeout=65\r\n';

/** Around the bounds of digits, as an age that goes on has them. */
const seconds = fc.constantFrom(0, 1, 8, 9, 10, 11, 99, 100, 101, 999, 1_000, 123_456);
const values = fc.record({
  age: seconds,
  // A response that is served although it is stale has less than none.
  ttl: fc.oneof(seconds, fc.constantFrom(-1, -9, -10)),
  cursor: fc.constantFrom(undefined, 'e-1', 'e-2', 'e-10', 'f-11'),
  /** Whether the system takes all of it. */
  isTaken: fc.boolean(),
});

const expected = ({ status, age, ttl, cursor, head, content }: FastHit): string =>
  [
    `HTTP/1.1 ${status} ${status === 200 ? 'OK' : 'Not Modified'}`,
    head.trimEnd(),
    `Age: ${age}`,
    `Cache-Status: unstale; hit; ttl=${ttl}`,
    ...(cursor === undefined ? [] : [`Unstale-Event-Cursor: ${cursor}`]),
    ...(status === 304 ? [] : [`Content-Length: ${content.length}`]),
    `${PERSISTENCE}\r\n${status === 304 ? '' : content}`,
  ].join('\r\n');

test.each([
  [200, 'a text'],
  [200, Buffer.from('octets \xff', 'latin1')],
  [304, 'a text'],
] as const)('%i with %j', (status, content) => {
  fc.assert(
    fc.property(fc.array(values, { minLength: 3, maxLength: 12 }), (all) => {
      const last = nothingWritten();
      const given: { readonly answer: string | Buffer; readonly at: string }[] = [];
      for (const { isTaken, ...now } of all) {
        const of = { route: {} as never, path: '/a', head: 'Date: now\r\n' };
        const hit: FastHit = { ...of, status, content, last, ...now };
        const at = expected({ ...hit, content: content.toString('latin1') });
        const socket = {
          writableLength: isTaken ? 0 : 1,
          write: (answer: string | Buffer) =>
            void given.push({ answer: isTaken ? answer.toString('latin1') : answer, at }),
        };
        writeHit(socket as unknown as Socket, hit, true, PERSISTENCE);
        expect(given.at(-1)?.answer.toString('latin1')).toBe(at);
      }
      // What the system had not taken is sent later.
      for (const { answer, at } of given) expect(answer.toString('latin1')).toBe(at);
    }),
    { numRuns: 500 },
  );
});

test('it is kept from the second time on, and then written as it is', () => {
  const last = nothingWritten();
  const written: (string | Buffer)[] = [];
  const socket = { writableLength: 0, write: (answer: string | Buffer) => void written.push(answer) };
  const hit: FastHit = {
    route: {} as never,
    path: '/a',
    status: 200,
    head: 'Date: now\r\n',
    content: 'a',
    age: 5,
    ttl: 9,
    cursor: 'e-1',
    last,
  };
  for (const age of [5, 5, 6, 9])
    writeHit(socket as unknown as Socket, { ...hit, age, cursor: `e-${age}` }, true, PERSISTENCE);
  expect(written.map((answer) => typeof answer)).toEqual(['string', 'object', 'object', 'object']);
  expect(new Set(written.slice(1)).size).toBe(1);
});
