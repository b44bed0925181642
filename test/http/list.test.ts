import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { isToken, splitList, unquote, withoutQuoted } from '../../src/http/list.ts';

describe('RFC 9110 §5.6.1: lists', () => {
  test.each<[string, string[]]>([
    ['', []],
    [' , ,', []],
    ['a', ['a']],
    ['a,b', ['a', 'b']],
    [' a\t,  b ', ['a', 'b']],
    ['a,,b,', ['a', 'b']],
    ['a="1,2",b', ['a="1,2"', 'b']],
    ['a="1\\",2",b', ['a="1\\",2"', 'b']],
    ['a="1\\\\",b', ['a="1\\\\"', 'b']],
    ['a="1,b', ['a="1', 'b']],
    ['"x",a="1,b', ['"x"', 'a="1', 'b']],
    ['\u00a0a', ['\u00a0a']],
  ])('%j is %j', (value, members) => {
    expect(splitList(value)).toEqual(members);
  });

  test('other separators leave commas alone', () => {
    expect(splitList('a=1,2; b="3;4"', ';')).toEqual(['a=1,2', 'b="3;4"']);
  });

  test('splitting again changes nothing', () => {
    fc.assert(
      fc.property(fc.string({ unit: fc.constantFrom(...'ab ,"\\;=') }), (value) => {
        // A quote without its partner may find one when members move closer; those without quotes must be stable.
        if (value.includes('"')) return splitList(value).every((member) => member !== '');
        const members = splitList(value);
        expect(splitList(members.join(','))).toEqual(members);
        return true;
      }),
    );
  });

  test('a flood of quotes is scanned in linear time', () => {
    // 200,000 characters; quadratic scanning would look at 10^10.
    const flood = `"${'\\"'.repeat(100_000)}`;
    expect(splitList(flood)).toHaveLength(1);
    expect(withoutQuoted(flood)).toBe(flood);
  });
});

describe('RFC 9110 §5.6.4: quoted strings', () => {
  test.each<[string, string | undefined]>([
    ['""', ''],
    ['"a"', 'a'],
    ['"a\\"b\\\\c"', 'a"b\\c'],
    ['a', undefined],
    ['"', undefined],
    ['"a', undefined],
    ['"a"b', undefined],
    ['"a\\"', undefined],
  ])('%s holds %j', (text, content) => {
    expect(unquote(text)).toBe(content);
  });

  test.each([
    ['a="b c" d', 'a="" d'],
    ['a="b c', 'a="b c'],
    ['"a""b"', '""""'],
  ])('%s without them is %s', (text, rest) => {
    expect(withoutQuoted(text)).toBe(rest);
  });
});

test.each([
  ['max-age', true],
  ["!#$%&'*+-.^_`|~", true],
  ['', false],
  ['a b', false],
  ['a=', false],
  ['"a"', false],
  ['ä', false],
])('RFC 9110 §5.6.2: %j is a token: %s', (text, expected) => {
  expect(isToken(text)).toBe(expected);
});
