import { expect, test } from 'vitest';
import { isAmong, placesOf } from '../../src/coherence/places.ts';
import { nothingHit } from '../../src/coherence/record.ts';
import { namedTag, pathTag, queryTag } from '../../src/coherence/tag.ts';

const places = placesOf('/steps/7/inns', {
  ...nothingHit,
  tags: new Set([pathTag('/trips/1'), queryTag('/lists', 'a=1'), namedTag('x,y')]),
  patterns: ['/inns/*', '/a/*/b'],
});

test.each([
  ['/steps/7/inns', true],
  ['/steps/7/inns/42', true],
  ['/steps/7', false],
  ['/steps/7/innsomnia', false],
  ['/trips/1', true],
  ['/trips/1/notes', false],
  ['/trips/12', false],
  ['/inns', true],
  ['/inns/42', true],
  ['/a/1/b', true],
  ['/lists', false],
  ['/x', false],
])('%s is where that write may change something: %s', (resource, expected) => {
  expect(isAmong(resource, places)).toBe(expected);
});

test('a write that may change everything', () => {
  expect(isAmong('/anything', placesOf('/a', { ...nothingHit, patterns: ['/**'] }))).toBe(true);
});
