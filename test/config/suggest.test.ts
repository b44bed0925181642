import { expect, it } from 'vitest';
import { didYouMean, nearest } from '../../src/config/suggest.ts';

it.each([
  ['rotues', ['routes', 'rules'], 'routes'],
  ['ruels', ['routes', 'rules'], 'rules'],
  ['max_size', ['maxSize', 'maxEntry'], 'maxSize'],
  ['max-size', ['maxSize', 'maxEntry'], 'maxSize'],
  ['TTL', ['ttl', 'key'], 'ttl'],
  ['tll', ['ttl', 'key'], 'ttl'],
  ['timeOut', ['timeout', 'connectTimeout'], 'timeout'],
  ['colour', ['ttl', 'key'], undefined],
  ['', ['ttl'], undefined],
])('%j among %j means %j', (word, candidates, meant) => expect(nearest(word, candidates)).toBe(meant));

it('names all candidates if none is near', () => {
  expect(didYouMean('colour', ['ttl', 'key'])).toBe('known: ttl, key');
  expect(didYouMean('tll', ['ttl', 'key'])).toBe('did you mean "ttl"?');
});

it('does not compare what is no word, for the cost grows with the square of its length', () => {
  expect(nearest('x'.repeat(63), ['x'.repeat(64)])).toBe('x'.repeat(64));
  expect(nearest('x'.repeat(65), ['x'.repeat(64)])).toBeUndefined();
  expect(nearest('x'.repeat(64), ['x'.repeat(65)])).toBeUndefined();
});
