import fc from 'fast-check';
import { expect, it } from 'vitest';
import { parseLine } from '../../src/replay/access-log.ts';
import type { Entry } from '../../src/replay/entry.ts';
import { Heap } from '../../src/replay/heap.ts';
import { LineSplitter } from '../../src/replay/lines.ts';
import { type Ordered, StartOrder } from '../../src/replay/order.ts';

function entry(endedAt: number, durationMs: number): Entry {
  return {
    ...{ startedAt: endedAt - durationMs, endedAt, method: 'GET', target: '/', host: undefined, status: 200, bytes: 0 },
    ...{ requestHeaders: [], responseHeaders: [], bodies: undefined },
  };
}

const linesOf = (due: readonly Ordered[]): number[] => due.map(({ line }) => line);

it('puts entries that were logged by their end in the order of their start', () => {
  const order = new StartOrder();
  const due = [...order.entry(entry(1000, 10), 1), ...order.entry(entry(2000, 1500), 2), ...order.end()];
  expect(linesOf(due)).toEqual([2, 1]);
  expect(order.late).toBe(0);
});

it('lets go of what nothing later can have preceded', () => {
  const order = new StartOrder({ windowMs: 1000 });
  expect(linesOf(order.entry(entry(0, 0), 1))).toEqual([]);
  expect(linesOf(order.entry(entry(1000, 0), 2))).toEqual([]);
  expect(linesOf(order.entry(entry(1001, 0), 3))).toEqual([1]);
});

it('holds back a bounded number, and counts what then comes too late', () => {
  const order = new StartOrder({ maxHeld: 2 });
  const due = [1, 2, 3].flatMap((n) => order.entry(entry(n * 100, 0), n));
  expect(linesOf(due)).toEqual([1]);
  expect(linesOf(order.entry(entry(400, 390), 4))).toEqual([4]);
  expect(order.late).toBe(1);
});

it('takes what lasted longer than the window as that long', () => {
  const order = new StartOrder({ windowMs: 1000 });
  expect([...order.entry(entry(5000, 3000), 1), ...order.end()][0]?.entry.startedAt).toBe(4000);
});

it('spreads the lines of one second over it, in their order', () => {
  const order = new StartOrder();
  const line = parseLine('a - - [21/Nov/2026:10:00:05 +0000] "GET / HTTP/1.1" 200 5 "-" "-" 0.100');
  if (typeof line === 'string') throw new Error(line);
  const due = [1, 2, 3, 4].flatMap((n) => order.line(line, n)).concat(order.end());
  const second = Date.parse('2026-11-21T10:00:05Z');
  expect(due.map(({ entry: { endedAt } }) => endedAt - second)).toEqual([0, 250, 500, 750]);
  expect(due.map(({ entry: { startedAt } }) => startedAt - second)).toEqual([-100, 150, 400, 650]);
});

it('a heap gives back what it was given, in order', () => {
  fc.assert(
    fc.property(fc.array(fc.integer()), (numbers) => {
      const heap = new Heap<number>((a, b) => a < b);
      for (const number of numbers) heap.push(number);
      expect(numbers.map(() => heap.pop())).toEqual([...numbers].sort((a, b) => a - b));
      expect(heap.pop()).toBeUndefined();
    }),
  );
});

it('lines are the same however the stream is cut', () => {
  const text = fc.array(fc.constantFrom('a', 'é', '\n', '\r\n', '𝄞'), { maxLength: 30 }).map((parts) => parts.join(''));
  fc.assert(
    fc.property(text, fc.integer({ min: 1, max: 5 }), (whole, size) => {
      const octets = Buffer.from(whole);
      const splitter = new LineSplitter();
      const lines: string[] = [];
      for (let i = 0; i < octets.length; i += size) lines.push(...splitter.push(octets.subarray(i, i + size)));
      lines.push(...splitter.end());
      const expected = whole.split('\n').map((line, i, all) => (i < all.length - 1 ? line.replace(/\r$/, '') : line));
      if (expected.at(-1) === '') expected.pop();
      expect(lines).toEqual(expected);
    }),
  );
});

it('a line without end takes no memory, and the next is read', () => {
  const splitter = new LineSplitter();
  const lines = [];
  for (let i = 0; i < 100; i++) lines.push(...splitter.push('x'.repeat(10_000)));
  lines.push(...splitter.push('y\nnext\n'));
  expect(lines).toEqual(['x'.repeat(40), 'next']);
});
