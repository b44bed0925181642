import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { everyDifference, normaliseQuery, parseNoVarySearch } from '../../src/http/no-vary-search.ts';

describe('No-Vary-Search', () => {
  test.each<[string | undefined, object]>([
    [undefined, everyDifference],
    ['', everyDifference],
    ['key-order', { ...everyDifference, order: false }],
    ['key-order=?0', everyDifference],
    ['params', { params: { only: [] }, order: true }],
    ['params=?0', everyDifference],
    ['params=?0, key-order', { ...everyDifference, order: false }],
    ['params, except=("id")', { params: { only: ['id'] }, order: true }],
    [
      'params=("utm_source" "utm_medium"), key-order',
      { params: { allBut: ['utm_source', 'utm_medium'] }, order: false },
    ],
    ['params=()', everyDifference],
    ['params=("a+b" "%C3%A9" "x=y&z" "")', { params: { allBut: ['a b', 'é', 'x=y&z', ''] }, order: true }],
    ['params=("a";x=1);y', { params: { allBut: ['a'] }, order: true }],
  ])('%s', (value, variance) => {
    expect(parseNoVarySearch(value)).toEqual(variance);
  });

  test.each([
    'params=(',
    'params="a"',
    'params=("a" b)',
    'params=("a" 1)',
    'params=1',
    'key-order=1',
    'key-order="a"',
    'except=("a")',
    'params=("a"), except=("b")',
    'params=?0, except=("b")',
    'params, except="b"',
    'params, except=(b)',
    'params, unknown',
    'PARAMS',
  ])('makes every difference matter when anything is wrong in it: %s', (value) => {
    expect(parseNoVarySearch(value)).toEqual(everyDifference);
  });

  test.each<[string | undefined, string, string, boolean]>([
    [undefined, 'a=1', 'a=1', true],
    [undefined, 'a=1&b=2', 'b=2&a=1', false],
    [undefined, 'a=%61', 'a=a', false],
    ['key-order', 'a=1&b=2', 'b=2&a=1', true],
    ['key-order', 'a=1&a=2', 'a=2&a=1', false],
    ['key-order', 'a=1', 'a=2', false],
    ['params', 'a=1&b=2', '', true],
    ['params=("utm")', 'a=1&utm=x', 'utm=y&a=1', true],
    ['params=("utm")', 'a=1&utm=x', 'a=2&utm=x', false],
    ['params=("utm")', 'a=1&b=2', 'b=2&a=1', false],
    ['params=("utm")', 'a=1', 'a=1&a=1', false],
    ['params=("a b")', 'a+b=1', 'a%20b=2', true],
    ['params=("utm")', 'utm2=1', 'utm2=2', false],
    ['params, except=("id")', 'id=1&x=1', 'y=2&id=1', true],
    ['params, except=("id")', 'id=1', 'id=2', false],
  ])('%s: %j and %j are one resource: %s', (value, left, right, same) => {
    const variance = parseNoVarySearch(value);
    expect(normaliseQuery(left, variance) === normaliseQuery(right, variance)).toBe(same);
  });

  test('no text makes it throw, and normalising again changes nothing', () => {
    const value = fc.oneof(
      fc.string(),
      fc.constantFrom('key-order', 'params', 'params=("a")', 'params, except=("a"), key-order'),
    );
    const query = fc.string({ unit: fc.constantFrom(...'ab=&+%61;é') });
    fc.assert(
      fc.property(value, query, (field, text) => {
        const variance = parseNoVarySearch(field);
        const normalised = normaliseQuery(text, variance);
        expect(normaliseQuery(normalised, variance)).toBe(normalised);
      }),
    );
  });
});
