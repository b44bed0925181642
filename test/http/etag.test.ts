import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { parseEntityTag, parseEntityTags, strongMatch, weakened, weakMatch } from '../../src/http/etag.ts';
import { codePoint } from '../support/code-points.ts';

describe('RFC 9110 §8.8.3: entity tags', () => {
  test.each<[string, boolean, string]>([
    ['"abc"', false, 'abc'],
    ['""', false, ''],
    ['W/"abc"', true, 'abc'],
    ['"a,b\\"', false, 'a,b\\'],
    ['"!#~\u00ff"', false, '!#~\u00ff'],
  ])('%s', (text, weak, opaque) => {
    expect(parseEntityTag(text)).toEqual({ weak, opaque });
  });

  test.each([
    'abc',
    'w/"abc"',
    'W\\"abc"',
    'W"abc"',
    '"abc',
    'abc"',
    '"a"b"',
    '"a b"',
    '"a\n"',
    '*',
    '',
    ' "a"',
    '"\u0100"',
  ])('%j is none', (text) => {
    expect(parseEntityTag(text)).toBeUndefined();
  });

  test.each<[string, string[] | '*']>([
    ['*', '*'],
    [' *\t', '*'],
    ['"a"', ['a']],
    ['"a", W/"b" ,,"c"', ['a', 'b', 'c']],
    ['"a,b", "c\\"', ['a,b', 'c\\']],
    ['"a", *', ['a']],
    ['a, "b"', ['b']],
    ['"a" "b", "c"', ['c']],
    ['', []],
  ])('a list: %s', (value, expected) => {
    const tags = parseEntityTags(value);
    expect(tags === '*' ? tags : tags.map(({ opaque }) => opaque)).toEqual(expected);
  });

  test.each<[string, string, boolean, boolean]>([
    ['W/"1"', 'W/"1"', false, true],
    ['W/"1"', 'W/"2"', false, false],
    ['W/"1"', '"1"', false, true],
    ['"1"', '"1"', true, true],
    ['"1"', '"a"', false, false],
  ])('§8.8.3.2: %s and %s match strongly: %s, weakly: %s', (left, right, strong, weak) => {
    const a = parseEntityTag(left) ?? { weak: false, opaque: 'unread' };
    const b = parseEntityTag(right) ?? { weak: false, opaque: 'unread' };
    expect([strongMatch(a, b), strongMatch(b, a)]).toEqual([strong, strong]);
    expect([weakMatch(a, b), weakMatch(b, a)]).toEqual([weak, weak]);
  });

  test.each([
    ['"a"', 'W/"a"'],
    ['W/"a"', 'W/"a"'],
    ['a', 'a'],
  ])('%s weakened is %s', (etag, expected) => {
    expect(weakened(etag)).toBe(expected);
  });

  test('any list of tags that is written out is read back, and no text makes it throw', () => {
    const opaque = fc.string({ unit: fc.constantFrom(...'ab!#,\\;/W') });
    fc.assert(
      fc.property(fc.array(fc.record({ weak: fc.boolean(), opaque }), { minLength: 1 }), (tags) => {
        const text = tags.map((tag) => `${tag.weak ? 'W/' : ''}"${tag.opaque}"`).join(', ');
        expect(parseEntityTags(text)).toEqual(tags);
      }),
    );
    fc.assert(fc.property(fc.string({ unit: codePoint }), (text) => parseEntityTags(text) !== undefined));
  });
});
