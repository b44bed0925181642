import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { formatHttpDate } from '../../src/http/date.ts';
import { Fields } from '../../src/http/fields.ts';
import {
  formatContentRange,
  ifRangeMatches,
  MAX_RANGES,
  parseContentRange,
  selectRanges,
} from '../../src/http/range.ts';

describe('RFC 9110 §14.1.2, §14.2: the ranges asked for, of 10 octets', () => {
  test.each<[string | undefined, string | [number, number][]]>([
    [undefined, 'none'],
    ['bytes=0-1', [[0, 1]]],
    ['Bytes=0-1', [[0, 1]]],
    ['bytes=1-', [[1, 9]]],
    ['bytes=-1', [[9, 9]]],
    ['bytes=-5', [[5, 9]]],
    ['bytes=-10', [[0, 9]]],
    ['bytes=-11', [[0, 9]]],
    ['bytes=0-9', [[0, 9]]],
    ['bytes=0-99', [[0, 9]]],
    [`bytes=0-${'9'.repeat(400)}`, [[0, 9]]],
    ['bytes=9-9', [[9, 9]]],
    ['bytes=00-01', [[0, 1]]],
    [
      'bytes= 0-1 ,, 4-5 ',
      [
        [0, 1],
        [4, 5],
      ],
    ],
    [
      'bytes=4-5,0-1',
      [
        [4, 5],
        [0, 1],
      ],
    ],
    ['bytes=0-1,20-30', [[0, 1]]],
    ['bytes=0-1,-0', [[0, 1]]],
    ['bytes=0-3,2-5', [[0, 5]]],
    ['bytes=4-5,0-3', [[0, 5]]],
    ['bytes=0-,0-,0-', [[0, 9]]],
    [
      'bytes=8-,-1,0-0',
      [
        [0, 0],
        [8, 9],
      ],
    ],
    ['bytes=0-8,2-3', [[0, 8]]],
    ['bytes=10-', 'unsatisfiable'],
    ['bytes=10-20, 30-', 'unsatisfiable'],
    [`bytes=${'9'.repeat(400)}-`, 'unsatisfiable'],
    ['bytes=-0', 'unsatisfiable'],
    ['bytes=', 'none'],
    ['bytes=,', 'none'],
    ['bytes=-', 'none'],
    ['bytes=1', 'none'],
    ['bytes=2-1', 'none'],
    ['bytes=0-1,2-1', 'none'],
    ['bytes=0-1,x', 'none'],
    ['bytes=0x0-0x1', 'none'],
    ['bytes=0 - 1', 'none'],
    ['bytes=+0-1', 'none'],
    ['bytes=--1', 'none'],
    ['bytes=0-1-2', 'none'],
    ['bytes=0.0-1', 'none'],
    ['bytes =0-1', 'none'],
    ['bytes:0-1', 'none'],
    ['items=0-1', 'none'],
    ['0-1', 'none'],
    ['bytes=0-1, bytes=2-3', 'none'],
  ])('%s', (header, expected) => {
    const ranges = typeof expected === 'string' ? expected : expected.map(([start, end]) => ({ start, end }));
    expect(selectRanges(header, 10)).toEqual(ranges);
  });

  test.each([
    ['bytes=0-', 'unsatisfiable'],
    ['bytes=-0', 'unsatisfiable'],
    ['bytes=-5', 'none'],
  ])('of nothing: %s is %s', (header, expected) => {
    expect(selectRanges(header, 0)).toBe(expected);
  });

  test('a flood of ranges is answered with the whole', () => {
    const ranges = (count: number): string =>
      `bytes=${Array.from({ length: count }, (_, i) => `${2 * i}-${2 * i}`).join(',')}`;
    expect(selectRanges(ranges(MAX_RANGES), 1000)).toHaveLength(MAX_RANGES);
    expect(selectRanges(ranges(MAX_RANGES + 1), 1000)).toBe('none');
  });

  test('no octet is selected twice, none outside, and no text makes it throw', () => {
    const range = fc.tuple(fc.option(fc.nat(30)), fc.option(fc.nat(30))).map(([a, b]) => `${a ?? ''}-${b ?? ''}`);
    const header = fc.oneof(
      fc.string(),
      fc.array(range).map((all) => `bytes=${all.join(',')}`),
    );
    fc.assert(
      fc.property(header, fc.nat(20), (value, size) => {
        const ranges = selectRanges(value, size);
        if (typeof ranges === 'string') return;
        const octets = ranges.flatMap(({ start, end }) => Array.from({ length: end - start + 1 }, (_, i) => start + i));
        expect(new Set(octets).size).toBe(octets.length);
        expect(octets.every((octet) => octet >= 0 && octet < size)).toBe(true);
      }),
    );
  });
});

describe('RFC 9110 §13.1.5: If-Range', () => {
  const modified = Date.UTC(2026, 10, 20);
  const selected = { etag: '"a"', lastModifiedMs: modified, dateMs: modified + 1000 };
  test.each<[string, string[], Parameters<typeof ifRangeMatches>[1], boolean]>([
    ['absent', [], {}, true],
    ['the strong tag', ['If-Range', '"a"'], selected, true],
    ['another tag', ['If-Range', '"b"'], selected, false],
    ['a weak tag', ['If-Range', 'W/"a"'], selected, false],
    ['a weak tag of ours', ['If-Range', '"a"'], { etag: 'W/"a"' }, false],
    ['two weak tags', ['If-Range', 'W/"a"'], { etag: 'W/"a"' }, false],
    ['no tag of ours', ['If-Range', '"a"'], {}, false],
    ['several tags', ['If-Range', '"a", "a"'], selected, false],
    ['the date', ['If-Range', formatHttpDate(modified)], selected, true],
    ['a later date', ['If-Range', formatHttpDate(modified + 1000)], selected, false],
    ['an earlier date', ['If-Range', formatHttpDate(modified - 1000)], selected, false],
    [
      '§8.8.2.2 a date within the second of Date',
      ['If-Range', formatHttpDate(modified)],
      { ...selected, dateMs: modified },
      false,
    ],
    ['a date without a Date', ['If-Range', formatHttpDate(modified)], { lastModifiedMs: modified }, false],
    ['a date without Last-Modified', ['If-Range', formatHttpDate(modified)], { dateMs: modified }, false],
    ['neither', ['If-Range', 'x'], selected, false],
  ])('%s', (_, request, response, expected) => {
    expect(ifRangeMatches(new Fields(request), response)).toBe(expected);
  });
});

describe('RFC 9110 §14.4: Content-Range', () => {
  test('is written', () => {
    expect(formatContentRange({ start: 0, end: 1 }, 10)).toBe('bytes 0-1/10');
    expect(formatContentRange(undefined, 10)).toBe('bytes */10');
  });

  test.each<[string | undefined, object | undefined]>([
    ['bytes 0-1/10', { start: 0, end: 1, size: 10 }],
    ['bytes 9-9/10', { start: 9, end: 9, size: 10 }],
    ['BYTES 0-1/*', { start: 0, end: 1, size: undefined }],
    [undefined, undefined],
    ['bytes */10', undefined],
    ['bytes 1-0/10', undefined],
    ['bytes 0-10/10', undefined],
    ['bytes=0-1/10', undefined],
    ['bytes 0-1', undefined],
    ['items 0-1/10', undefined],
    ['bytes 0-1/10, bytes 2-3/10', undefined],
    ['bytes 0-9999999999999999/*', undefined],
  ])('%s is read as %j', (value, expected) => {
    expect(parseContentRange(value)).toEqual(expected);
  });
});
