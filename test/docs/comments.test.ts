import { expect, test } from 'vitest';
import { readRepository } from './citations.ts';

/* Biome wraps code, and leaves comments as they are. */

const MAX_WIDTH = 120;
const repository = readRepository();
const sources = repository.files.filter((file) => /\.(tsx?|mjs)$/.test(file));

/** Lines that are a comment and nothing else. An address has no place to be broken at. */
function wideComments(text: string): string[] {
  return text
    .split('\n')
    .filter((line) => line.length > MAX_WIDTH && /^\s*(\/\/|\/?\*)/.test(line))
    .filter((line) => !/https?:\/\/|biome-ignore format/.test(line));
}

test('no comment is wider than the code', () => {
  const found = sources.flatMap((file) => wideComments(repository.textOf(file)).map((line) => `${file}: ${line}`));
  expect(found).toEqual([]);
});

test.each([
  ['//', '  // '],
  ['a line of a docstring', '   * '],
  ['a docstring of one line', '/** '],
])('a wide one is found: %s', (_, begin) => {
  const line = begin.padEnd(MAX_WIDTH + 1, 'x');
  expect(wideComments(`const a = 1;\n${line}\n${line.slice(0, MAX_WIDTH)}\n`)).toEqual([line]);
});
