import { expect, test } from 'vitest';
import { ancestry, encodePlaces, headOf, isAmong } from '../../src/coherence/places.ts';

const places = encodePlaces({ exact: ['/trips/1'], below: ['/inns', '/a'] });

test.each([
  ['/inns', true],
  ['/inns/42', true],
  ['/innsomnia', false],
  ['/trips/1', true],
  ['/trips/1/notes', false],
  ['/trips/12', false],
  ['/a/1/b', true],
  ['/x', false],
])('%s is where that write may change something: %s', (resource, expected) => {
  expect(isAmong(resource, places)).toBe(expected);
});

test('a write that may change everything, and one that may change nothing', () => {
  expect(isAmong('/anything', encodePlaces({ exact: [], below: [''] }))).toBe(true);
  expect(isAmong('/a', encodePlaces({ exact: ['/b'], below: [] }))).toBe(false);
});

test.each([
  ['/a/b', ['/a/b', '/a', '']],
  ['/', ['/', '']],
])('the ancestry of %s', (path, expected) => {
  expect(ancestry(path)).toEqual(expected);
});

test.each([
  ['/steps/*', '/steps'],
  ['/a/*/b', '/a'],
  ['/**', ''],
  ['/a/b', '/a/b'],
])('the head of %s', (pattern, expected) => {
  expect(headOf(pattern)).toBe(expected);
});
