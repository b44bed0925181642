import { createParser } from 'eventsource-parser';
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { type Block, sseParser } from '../../src/client/sse-parser.ts';

interface Heard {
  readonly blocks: Block[];
  readonly comments: string[];
  readonly retries: number[];
}

function parse(pieces: readonly string[]): Heard {
  const heard: Heard = { blocks: [], comments: [], retries: [] };
  const feed = sseParser({
    block: (block) => void heard.blocks.push(block),
    comment: (text) => void heard.comments.push(text),
    retry: (ms) => void heard.retries.push(ms),
  });
  for (const piece of pieces) feed(piece);
  return heard;
}

const none = { id: undefined, type: 'message', data: undefined };

test.each<[string, string, Partial<Heard>]>([
  ['an event', 'id: 1\nevent: x\ndata: {}\n\n', { blocks: [{ id: '1', type: 'x', data: '{}' }] }],
  ['lines of data', 'data: a\ndata\ndata:b\n\n', { blocks: [{ ...none, data: 'a\n\nb' }] }],
  ['an id without data', 'id: e-7\n\n', { blocks: [{ ...none, id: 'e-7' }] }],
  ['an id with NUL, which does not count', 'id: e\0\ndata: a\n\n', { blocks: [{ ...none, data: 'a' }] }],
  ['a comment', ': \n\n', { blocks: [], comments: [''] }],
  ['a wait', 'retry: 250\nretry: soon\n\n', { retries: [250], blocks: [] }],
  ['a byte order mark', '\uFEFFdata: a\n\n', { blocks: [{ ...none, data: 'a' }] }],
  ['an event that is not complete', 'data: a\n', { blocks: [] }],
  ['an unknown field', 'hello: a\nhello\n\n', { blocks: [] }],
])('%s', (_what, text, expected) => {
  expect(parse([text])).toMatchObject(expected);
});

const line = fc.constantFrom('data: a', 'data', 'data:b ', 'event: x', 'id: e-1', 'retry: 10', ': c', 'foo: 1', '', '');
const streams = fc
  .array(fc.tuple(line, fc.constantFrom('\n', '\r', '\r\n')), { maxLength: 20 })
  .map((lines) => lines.map((each) => each.join('')).join(''));

test('in whatever pieces a stream comes, it says the same, and what eventsource-parser says', () => {
  fc.assert(
    fc.property(streams, fc.array(fc.nat(200)), (text, cuts) => {
      const at = [...new Set([0, ...cuts.map((cut) => cut % (text.length + 1)), text.length])].sort((a, b) => a - b);
      // A return at the end may be half of a line break, so it waits for what follows.
      const pieces = [...at.slice(1).map((end, i) => text.slice(at[i], end)), '\n'];
      const heard = parse(pieces);
      expect(heard).toEqual(parse([`${text}\n`]));
      const events: unknown[] = [];
      const parser = createParser({
        onEvent: ({ id, event, data }) => events.push({ id, type: event ?? 'message', data }),
      });
      parser.feed(`${text}\n`);
      expect(heard.blocks.filter(({ data }) => data !== undefined)).toEqual(events);
    }),
  );
});

test('data beyond the limit is cut, so that it is told to be unreadable, and the next event is read', () => {
  const { blocks } = parse([
    'id: 1\ndata: "',
    ...Array.from({ length: 70 }, () => 'x'.repeat(65_536)),
    '"\n\n',
    'data: 2\n\n',
  ]);
  expect(blocks.map(({ id }) => id)).toEqual(['1', undefined]);
  expect(blocks[0]?.data?.length).toBeLessThan(4.1 * 1024 * 1024);
  expect(blocks[1]?.data).toBe('2');
});

const mebibyte = 'x'.repeat(1024 * 1024);

test.each<[string, readonly string[]]>([
  ['a line', ['data: "', ...Array.from({ length: 6 }, () => mebibyte), '"\n']],
  ['the lines of one event', [...Array.from({ length: 6 }, () => `data: ${mebibyte}\n`), 'data: 1\n']],
  [
    'the lines of one event, which are JSON',
    ['data: [\n', ...Array.from({ length: 6 }, () => `data: ${' '.repeat(2 ** 20)}\n`), 'data: 1]\n'],
  ],
  ['a line of another field', ['data: 1\n', ': ', ...Array.from({ length: 6 }, () => mebibyte), '\n']],
])('%s beyond the limit leaves no data that could be read, and the next event is read', (_, pieces) => {
  const { blocks } = parse(['id: 1\n', ...pieces, 'event: x\n\n', 'id: 2\ndata: 2\n\n']);
  expect(blocks.map(({ id, type }) => [id, type])).toEqual([
    ['1', 'x'],
    ['2', 'message'],
  ]);
  expect(() => JSON.parse(blocks[0]?.data ?? '') as unknown).toThrow(SyntaxError);
  expect(blocks[1]?.data).toBe('2');
});

test.each<[string, readonly string[]]>([
  ['short lines of data behind a long one', [`data: ${'x'.repeat(4_000_000)}\n`, 'data:\n'.repeat(1_000)]],
  ['a long line in short pieces', ['data: ', ...Array.from({ length: 3_000 }, () => 'x'.repeat(1_000)), '\n']],
])('%s are read in linear time', (_, pieces) => {
  expect(parse([...pieces, '\n']).blocks).toHaveLength(1);
});
