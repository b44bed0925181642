import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { Fields } from '../../src/http/fields.ts';
import {
  combine,
  isComplete,
  missingRange,
  multipartRanges,
  type Part,
  partOf,
  sliceOf,
} from '../../src/http/partial.ts';

const text = (part: Part | undefined): string | undefined => part && Buffer.from(part.bytes).toString();
const part = (start: number, bytes: string, rest: Partial<Part> = {}): Part => ({
  start,
  size: 10,
  etag: '"a"',
  bytes: Buffer.from(bytes),
  ...rest,
});

describe('RFC 9110 §14.6: several ranges', () => {
  test('are parts with their own ranges, between boundaries', () => {
    const body = Buffer.from('0123456789');
    const ranges = [
      { start: 0, end: 1 },
      { start: 8, end: 9 },
    ];
    const boundary = 'abc';
    const made = multipartRanges(body, ranges, { boundary, contentType: 'text/plain; charset=utf-8' });
    expect(made.contentType).toBe('multipart/byteranges; boundary=abc');
    const whole = Buffer.concat(made.pieces);
    expect(whole.byteLength).toBe(made.byteLength);
    expect(whole.toString()).toBe(
      [
        '',
        `--${boundary}`,
        'Content-Type: text/plain; charset=utf-8',
        'Content-Range: bytes 0-1/10',
        '',
        '01',
        `--${boundary}`,
        'Content-Type: text/plain; charset=utf-8',
        'Content-Range: bytes 8-9/10',
        '',
        '89',
        `--${boundary}--`,
        '',
      ].join('\r\n'),
    );
    const untyped = multipartRanges(body, ranges, { boundary, contentType: undefined });
    expect(Buffer.concat(untyped.pieces).toString()).not.toContain('Content-Type');
  });

  test('are no copies of the body', () => {
    const body = Buffer.from('0123456789');
    const made = multipartRanges(body, [{ start: 2, end: 3 }], { boundary: 'abc', contentType: undefined });
    body.write('xy', 2);
    expect(made.pieces[1]?.toString()).toBe('xy');
  });
});

describe('RFC 9110 §15.3.7: the part in a 206', () => {
  const bytes = Buffer.from('01234');
  test.each<[string, string[], object | undefined]>([
    [
      'is where Content-Range says',
      ['Content-Range', 'bytes 5-9/10', 'ETag', '"a"'],
      { start: 5, size: 10, etag: '"a"', bytes, saidEnd: 9 },
    ],
    [
      'of unknown size',
      ['Content-Range', 'bytes 0-4/*'],
      { start: 0, size: undefined, etag: undefined, bytes, saidEnd: 4 },
    ],
    [
      'begins where it says, were it shorter',
      ['Content-Range', 'bytes 4-9/10'],
      { start: 4, size: 10, etag: undefined, bytes, saidEnd: 9 },
    ],
    ['is none without it', [], undefined],
    ['is none in a multipart', ['Content-Type', 'multipart/byteranges; boundary=x'], undefined],
    ['is wrong when it is longer', ['Content-Range', 'bytes 0-3/10'], undefined],
  ])('%s', (_, headers, expected) => {
    expect(partOf(new Fields(headers), bytes)).toEqual(expected);
  });

  test.each<[string, Part, Part, string | undefined]>([
    ['touch', part(0, '01234'), part(5, '56789'), '0123456789'],
    ['in any order', part(5, '56789'), part(0, '01234'), '0123456789'],
    ['overlap: the newer is believed', part(0, '01234'), part(3, 'XY56'), '012XY56'],
    ['one within the other', part(0, '0123456'), part(2, 'XX'), '01XX456'],
    ['one unknown size', part(0, '01', { size: undefined }), part(2, '23'), '0123'],
    ['a gap', part(0, '01'), part(3, '34'), undefined],
    ['§15.3.7.3 another tag', part(0, '01'), part(2, '23', { etag: '"b"' }), undefined],
    ['a weak tag', part(0, '01', { etag: 'W/"a"' }), part(2, '23', { etag: 'W/"a"' }), undefined],
    ['one tag', part(0, '01'), part(2, '23', { etag: undefined }), undefined],
    ['no tag', part(0, '01', { etag: undefined }), part(2, '23', { etag: undefined }), undefined],
    ['another size', part(0, '01'), part(2, '23', { size: 11 }), undefined],
  ])('two that %s', (_, older, newer, expected) => {
    expect(text(combine(older, newer))).toBe(expected);
  });

  test.each([10, undefined])('and are complete when either knew the size, and all is there', (size) => {
    const both = [part(0, '01234', { size: 10 }), part(5, '56789', { size })] as const;
    expect([combine(both[0], both[1]), combine(both[1], both[0])].map((each) => each && isComplete(each))).toEqual([
      true,
      true,
    ]);
  });

  test('combined parts hold what the whole holds', () => {
    const whole = Buffer.from('0123456789');
    const slice = fc.tuple(fc.nat(9), fc.nat(9)).map(([a, b]) => [Math.min(a, b), Math.max(a, b) + 1] as const);
    fc.assert(
      fc.property(slice, slice, ([a, b], [c, d]) => {
        const both = combine(part(a, whole.toString('latin1', a, b)), part(c, whole.toString('latin1', c, d)));
        if (both === undefined) expect(c > b || a > d).toBe(true);
        else expect(text(both)).toBe(whole.toString('latin1', Math.min(a, c), Math.max(b, d)));
      }),
    );
  });

  test('answers the ranges that it holds', () => {
    const held = part(4, '45678');
    expect(sliceOf(held, { start: 5, end: 6 })).toEqual(Buffer.from('56'));
    expect(sliceOf(held, { start: 6, end: 8 })).toEqual(Buffer.from('678'));
    expect(sliceOf(held, { start: 4, end: 8 })).toEqual(Buffer.from('45678'));
    expect(sliceOf(held, { start: 3, end: 5 })).toBeUndefined();
    expect(sliceOf(held, { start: 8, end: 9 })).toBeUndefined();
  });

  test.each<[Part, boolean, string | undefined]>([
    [part(0, '01234'), false, 'bytes=5-'],
    [part(0, '0123456789'), true, undefined],
    [part(5, '56789'), false, undefined],
    [part(0, '01234', { size: undefined }), false, 'bytes=5-'],
  ])('%# is complete: %s, and lacks %s', (held, complete, missing) => {
    expect(isComplete(held)).toBe(complete);
    expect(missingRange(held)).toBe(missing);
  });
});
