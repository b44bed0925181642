import { describe, expect, test } from 'vitest';
import { formatHttpDate, parseHttpDate } from '../../src/http/date.ts';
import { Fields } from '../../src/http/fields.ts';
import {
  type Dated,
  evaluatePreconditions,
  freshen,
  hasOriginPreconditions,
  headFreshens,
  revalidationFields,
  type Selected,
  selectsForFreshening,
  strongEtag,
} from '../../src/http/validation.ts';

const modified = Date.UTC(2026, 10, 20, 12);
const at = (seconds: number): string => formatHttpDate(modified + seconds * 1000);

describe('RFC 9110 §13: conditions of the client', () => {
  const selected = { status: 200, etag: '"abc"', lastModifiedMs: modified, dateMs: modified + 1000 };
  const weak = { ...selected, etag: 'W/"abc"' };
  const inThatSecond = { ...selected, dateMs: modified + 999 };
  const undated = { status: 200, lastModifiedMs: modified };
  test.each<[string, string[], Selected, 'full' | 'not-modified']>([
    ['no condition', [], selected, 'full'],
    ['§13.1.2 the entity tag', ['If-None-Match', '"abc"'], selected, 'not-modified'],
    ['compared weakly', ['If-None-Match', 'W/"abc"'], selected, 'not-modified'],
    ['a weak one of ours', ['If-None-Match', '"abc"'], weak, 'not-modified'],
    ['two weak ones', ['If-None-Match', 'W/"abc"'], weak, 'not-modified'],
    ['the first of several', ['If-None-Match', '"abc", "1", "2"'], selected, 'not-modified'],
    ['the middle one', ['If-None-Match', '"1", "abc", "2"'], selected, 'not-modified'],
    ['the last one', ['If-None-Match', '"1", "2", "abc"'], selected, 'not-modified'],
    ['on a second line', ['If-None-Match', '"1"', 'If-None-Match', '"abc"'], selected, 'not-modified'],
    ['with obs-text', ['If-None-Match', '"ab\u00fc"'], { ...selected, etag: '"ab\u00fc"' }, 'not-modified'],
    ['*', ['If-None-Match', '*'], selected, 'not-modified'],
    ['* without an entity tag of ours', ['If-None-Match', '*'], { status: 200 }, 'not-modified'],
    ['another tag', ['If-None-Match', '"abcd"'], selected, 'full'],
    ['a part of ours', ['If-None-Match', '"ab"'], selected, 'full'],
    ['ours in a list that is one tag', ['If-None-Match', '"x,"abc""'], selected, 'full'],
    ['unquoted', ['If-None-Match', 'abc'], selected, 'full'],
    ['unquoted, and ours is too', ['If-None-Match', 'abc'], { ...selected, etag: 'abc' }, 'full'],
    ['no tag of ours', ['If-None-Match', '"abc"'], { status: 200, lastModifiedMs: modified }, 'full'],
    ['§13.1.3 the same date', ['If-Modified-Since', at(0)], selected, 'not-modified'],
    ['a later date', ['If-Modified-Since', at(1000)], selected, 'not-modified'],
    ['an earlier date', ['If-Modified-Since', at(-1)], selected, 'full'],
    ['in the RFC 850 form', ['If-Modified-Since', 'Friday, 20-Nov-26 12:00:00 GMT'], selected, 'not-modified'],
    ['in the asctime form', ['If-Modified-Since', 'Fri Nov 20 12:00:00 2026'], selected, 'not-modified'],
    ['an illegible date', ['If-Modified-Since', '2026-11-20'], selected, 'full'],
    ['two dates', ['If-Modified-Since', at(0), 'If-Modified-Since', at(0)], selected, 'full'],
    ['§8.8.2.2 the date of the second it was made in', ['If-Modified-Since', at(0)], inThatSecond, 'full'],
    ['a date of one that does not say when it was made', ['If-Modified-Since', at(0)], undated, 'full'],
    ['a later date than that', ['If-Modified-Since', at(1)], inThatSecond, 'not-modified'],
    ['RFC 9111 §4.3.2 but not by Date', ['If-Modified-Since', at(0)], { status: 200, dateMs: modified }, 'full'],
    ['nor by an earlier Date', ['If-Modified-Since', at(9)], { status: 200, dateMs: modified }, 'full'],
    ['by nothing', ['If-Modified-Since', at(0)], { status: 200 }, 'full'],
    [
      '§13.2.2 the tag before the date: match',
      ['If-None-Match', '"abc"', 'If-Modified-Since', at(-9)],
      selected,
      'not-modified',
    ],
    ['§13.2.2 the tag before the date: none', ['If-None-Match', '"x"', 'If-Modified-Since', at(9)], selected, 'full'],
    ['an illegible tag before the date', ['If-None-Match', 'x', 'If-Modified-Since', at(9)], selected, 'full'],
    ['§13.2.1 not for what is no success', ['If-None-Match', '*'], { ...selected, status: 404 }, 'full'],
    ['for any success', ['If-None-Match', '"abc"'], { ...selected, status: 299 }, 'not-modified'],
    ['nor for several choices', ['If-None-Match', '"abc"'], { ...selected, status: 300 }, 'full'],
    ['nor for a redirect', ['If-None-Match', '"abc"'], { ...selected, status: 301 }, 'full'],
    ['RFC 9111 §4.3.2 If-Match is the origin\u2019s', ['If-Match', '"x"'], selected, 'full'],
  ])('%s', (_, request, response, expected) => {
    expect(evaluatePreconditions(new Fields(request), response, 'GET')).toBe(expected);
    expect(evaluatePreconditions(new Fields(request), response, 'HEAD')).toBe(expected);
    expect(evaluatePreconditions(new Fields(request), response, 'PUT')).toBe('full');
  });

  test.each([
    [['If-Match', '*'], true],
    [['If-Unmodified-Since', at(0)], true],
    [['If-None-Match', '*', 'If-Modified-Since', at(0), 'If-Range', '"a"'], false],
  ])('RFC 9111 §4.3.2: %j are for the origin alone: %s', (request, expected) => {
    expect(hasOriginPreconditions(new Fields(request))).toBe(expected);
  });
});

describe('RFC 9111 §4.3.1: conditions to the origin', () => {
  const made = ['Date', at(1)];
  test.each<[string, string[], string[]]>([
    ['nothing to validate with', made, []],
    ['a strong tag', ['ETag', '"a"'], ['If-None-Match', '"a"']],
    ['a weak tag', ['ETag', 'W/"a"'], ['If-None-Match', 'W/"a"']],
    [
      'a date, as it was sent',
      ['Last-Modified', 'Fri Nov 20 12:00:00 2026', ...made],
      ['If-Modified-Since', 'Fri Nov 20 12:00:00 2026'],
    ],
    ['both', ['ETag', '"a"', 'Last-Modified', at(0), ...made], ['If-None-Match', '"a"', 'If-Modified-Since', at(0)]],
    ['§8.8.2.2 not the date of the second it was made in', ['Last-Modified', at(0), 'Date', at(0)], []],
    ['nor one of a response that does not say when it was made', ['Last-Modified', at(0)], []],
    ['what is no tag', ['ETag', 'a'], []],
    ['two tags', ['ETag', '"a"', 'ETag', '"b"'], []],
    ['what is no date', ['Last-Modified', 'yesterday', ...made], []],
  ])('%s', (_, lines, expected) => {
    expect(revalidationFields(dated(lines))).toEqual(expected);
  });
});

/** Field lines as they are stored. */
function dated(lines: string[]): { headers: Fields } & Dated {
  const headers = new Fields(lines);
  const ms = (name: string): number | undefined => parseHttpDate(headers.get(name) ?? '', modified);
  return { headers, lastModifiedMs: ms('last-modified'), dateMs: ms('date') };
}

describe('RFC 9111 §4.3.4: which response a 304 is about', () => {
  const date = ['Last-Modified', at(0)];
  test.each<[string, string[], string[], boolean]>([
    ['the same strong tag', ['ETag', '"a"'], ['ETag', '"a"'], true],
    ['another strong tag', ['ETag', '"a"'], ['ETag', '"b"'], false],
    ['another strong tag, the same date', ['ETag', '"a"', ...date], ['ETag', '"b"', ...date], false],
    ['a strong tag for a weak one', ['ETag', 'W/"a"'], ['ETag', '"a"'], false],
    ['a strong tag for none', date, ['ETag', '"a"', ...date], false],
    ['the same weak tag', ['ETag', 'W/"a"'], ['ETag', 'W/"a"'], true],
    ['a weak tag for a strong one', ['ETag', '"a"'], ['ETag', 'W/"a"'], true],
    ['another weak tag', ['ETag', 'W/"a"'], ['ETag', 'W/"b"'], false],
    ['the same date', date, date, true],
    ['another date', date, ['Last-Modified', at(1)], false],
    ['no validator: the one that was asked about', ['ETag', '"a"', ...date], ['Date', at(5)], true],
  ])('%s', (_, stored, notModified, expected) => {
    expect(selectsForFreshening(new Fields(stored), new Fields(notModified))).toBe(expected);
  });
});

describe('RFC 9111 §3.2: the stored fields after a 304', () => {
  const update = (stored: string[], notModified: string[]): string[] => freshen(stored, notModified);

  test.each([
    'Test-Header',
    'X-Content-Foo',
    'Content-Foo',
    'Cache-Control',
    'Expires',
    'Content-Location',
    'Set-Cookie',
    'Vary',
  ])('%s is replaced', (name) => {
    expect(update([name, 'old', 'Kept', '1'], [name.toLowerCase(), 'new'])).toEqual([
      'Kept',
      '1',
      name.toLowerCase(),
      'new',
    ]);
  });

  test.each(['Content-Length', 'Content-Encoding', 'Content-Type', 'Content-Range'])('%s is not, nor added', (name) => {
    expect(update([name, 'old'], [name, 'new'])).toEqual([name, 'old']);
    expect(update([], [name, 'new'])).toEqual([]);
  });

  test.each(['Connection', 'Transfer-Encoding', 'Keep-Alive', 'Proxy-Authenticate', 'Upgrade'])(
    '%s is not stored (§3.1)',
    (name) => {
      expect(update(['A', '1'], [name, 'new'])).toEqual(['A', '1']);
    },
  );

  test.each<[string, string[], string[], string[]]>([
    ['what it leaves out stays', ['A', '1', 'B', '2'], [], ['A', '1', 'B', '2']],
    ['all lines of a name go for all of it', ['A', '1', 'a', '2'], ['A', '3', 'A', '4'], ['A', '3', 'A', '4']],
    ['what Connection lists is not an update', ['A', '1'], ['Connection', 'a', 'A', '2'], ['A', '1']],
    ['an Age belongs to the message that brought it', ['Age', '3600'], ['Date', at(0)], ['Date', at(0)]],
    ['and so does a Date', ['Date', at(-9)], [], []],
    ['a tag that is only weaker leaves the strong one', ['ETag', '"a"'], ['ETag', 'W/"a"'], ['ETag', '"a"']],
    ['another tag replaces it', ['ETag', 'W/"a"'], ['ETag', 'W/"b"'], ['ETag', 'W/"b"']],
    ['a tag is added', [], ['ETag', '"a"'], ['ETag', '"a"']],
  ])('%s', (_, stored, notModified, expected) => {
    expect(update(stored, notModified)).toEqual(expected);
  });
});

describe('RFC 9111 §4.3.5: what a HEAD tells of the stored response', () => {
  const headers = ['ETag', '"a"', 'Last-Modified', at(0), 'Content-Length', '5'];
  const made = (second: number) => ({ status: 200, ...dated([...headers, 'Date', at(second)]), bodyBytes: 5 });
  test.each<[string, number, string[], 'freshen' | 'stale' | 'nothing']>([
    ['all agree', 200, headers, 'freshen'],
    ['nothing named', 200, ['X', '1'], 'freshen'],
    ['another tag', 200, ['ETag', '"b"'], 'stale'],
    ['another date', 200, ['Last-Modified', at(1)], 'stale'],
    ['another length', 200, ['Content-Length', '6'], 'stale'],
    ['another status', 410, ['ETag', '"b"'], 'nothing'],
    ['a 304', 304, headers, 'nothing'],
  ])('%s', (_, status, lines, expected) => {
    const stored = made(1);
    expect(headFreshens(stored, { status, headers: new Fields(lines) })).toBe(expected);
    expect(headFreshens({ ...stored, status: 404 }, { status, headers: new Fields(lines) })).toBe('nothing');
  });

  test.each<[string, string[], 'freshen' | 'stale' | 'nothing']>([
    ['the date alone', ['Last-Modified', at(0)], 'nothing'],
    ['no validator', [], 'nothing'],
    ['the tag, too', ['ETag', '"a"', 'Last-Modified', at(0)], 'freshen'],
    ['another length', ['Content-Length', '6'], 'stale'],
  ])('§8.8.2.2 of a response made in the second of its Last-Modified: %s', (_, lines, expected) => {
    expect(headFreshens(made(0), { status: 200, headers: new Fields(lines) })).toBe(expected);
  });
});

test('a made entity tag is strong, and another for another body', () => {
  const [a, b] = [strongEtag(Buffer.from('a')), strongEtag(Buffer.from('b'))];
  expect(a).toMatch(/^"[A-Za-z0-9_-]{43}"$/);
  expect(a).not.toBe(b);
  expect(strongEtag(Uint8Array.of(0x61))).toBe(a);
});
