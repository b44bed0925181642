import { expect, test } from 'vitest';
import { Fields } from '../../src/http/fields.ts';

const lines = ['Accept', 'a', 'COOKIE', 'x=1', 'accept', 'b', 'Empty', '', 'cookie', 'y=2'];
const known = [
  ['accept', 'a, b'],
  ['cookie', 'x=1; y=2'],
  ['empty', ''],
  ['accep', undefined],
] as const;

// The first look-ups search the lines, later ones an index of them.
test.each([1, 2, 3, 20])('a field has one value, however often it was asked for (%i times)', (times) => {
  for (const [name, value] of known) {
    const fields = new Fields(lines);
    for (let i = 0; i < times; i++) {
      expect(fields.get(name)).toBe(value);
      expect(fields.has(name)).toBe(value !== undefined);
    }
  }
});

test('a message with many lines is asked in the same way', () => {
  const many = [...lines, ...Array.from({ length: 100 }, (_, i) => [`X-${i}`, String(i)]).flat(), 'ACCEPT', 'c'];
  expect(new Fields(many).get('accept')).toBe('a, b, c');
  expect(new Fields(many).get('x-99')).toBe('99');
});
