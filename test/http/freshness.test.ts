import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { formatHttpDate } from '../../src/http/date.ts';
import { Fields } from '../../src/http/fields.ts';
import { currentAgeMs, freshnessLifetimeMs, initialAgeMs, parseAge } from '../../src/http/freshness.ts';
import { responseDirectives } from '../../src/http/targeted.ts';

const now = Date.UTC(2026, 10, 20, 12);
const at = (seconds: number): string => formatHttpDate(now + seconds * 1000);
const day = 24 * 60 * 60;

function lifetime(lines: string[], status = 200): { ms: number; explicit: boolean } {
  const headers = new Fields(lines);
  return freshnessLifetimeMs({
    status,
    headers,
    ...responseDirectives(headers, ['cdn-cache-control']),
    respondedAt: now,
  });
}

describe('RFC 9111 §4.2.1: the freshness lifetime', () => {
  test.each<[string, string[], number]>([
    ['max-age', ['Cache-Control', 'max-age=60'], 60],
    ['§5.2.2.10 s-maxage over a longer max-age', ['Cache-Control', 'max-age=60, s-maxage=1'], 1],
    ['s-maxage over a shorter max-age', ['Cache-Control', 's-maxage=60', 'Cache-Control', 'max-age=1'], 60],
    ['s-maxage over max-age=0 and a past Expires', ['Cache-Control', 'max-age=0, s-maxage=60', 'Expires', at(-10)], 60],
    ['§5.3 max-age over a past Expires', ['Cache-Control', 'max-age=60', 'Expires', at(-7200), 'Date', at(0)], 60],
    ['max-age over an illegible Expires', ['Cache-Control', 'max-age=60', 'Expires', '0'], 60],
    ['max-age=0 over a future Expires', ['Cache-Control', 'max-age=0', 'Expires', at(3600)], 0],
    ['an illegible max-age is 0, and Expires does not help', ['Cache-Control', 'max-age=x', 'Expires', at(3600)], 0],
    ['Expires − Date', ['Expires', at(30 * day), 'Date', at(0)], 30 * day],
    ['both fast', ['Expires', at(300), 'Date', at(400)], 0],
    ['both slow', ['Expires', at(10), 'Date', at(-10)], 20],
    ['present', ['Expires', at(0), 'Date', at(0)], 0],
    ['past', ['Expires', at(-day), 'Date', at(0)], 0],
    ['without Date: from when it was received', ['Expires', at(10)], 10],
    ['with an illegible Date: the same', ['Expires', at(10), 'Date', 'foo'], 10],
    ['§5.3 Expires: 0', ['Expires', '0', 'Date', at(0)], 0],
    ['§5.3 an Expires that is no date', ['Expires', 'Thu, 18 Aug 2050 02:01:18 UTC', 'Date', at(0)], 0],
    ['Expires twice, the same', ['Expires', at(10), 'Expires', at(10), 'Date', at(0)], 10],
    ['Expires twice, different', ['Expires', at(10), 'Expires', at(20), 'Date', at(0)], 0],
    ['Expires in the RFC 850 form', ['Expires', 'Thursday, 18-Aug-50 02:01:18 GMT', 'Date', at(0)], 749224878],
    ['RFC 9213 §2.2 a targeted max-age over Expires', ['CDN-Cache-Control', 'max-age=60', 'Expires', at(-9)], 60],
    ['a targeted max-age=0 over a future Expires', ['CDN-Cache-Control', 'max-age=0', 'Expires', at(9)], 0],
  ])('%s', (_, lines, seconds) => {
    expect(lifetime(lines)).toEqual({ ms: seconds * 1000, explicit: true });
  });

  test('an Expires in the far future is clamped as times are', () => {
    expect(lifetime(['Expires', 'Sun, 21 Nov 2286 04:46:39 GMT']).ms).toBe(2 ** 31 * 1000);
  });
});

describe('RFC 9111 §4.2.2: heuristic freshness', () => {
  const modified = ['Last-Modified', at(-1000), 'Date', at(0)];
  test.each<[string, string[], number, number]>([
    ['a tenth of the time since Last-Modified', modified, 200, 100],
    ['at most a day', ['Last-Modified', at(-100 * day), 'Date', at(0)], 200, 86_400],
    ['a Date that is slow counts as it is', ['Last-Modified', at(-1000), 'Date', at(-500)], 200, 50],
    ['none when modified in the future', ['Last-Modified', at(50), 'Date', at(0)], 200, 0],
    ['none without Last-Modified', ['ETag', '"a"'], 200, 0],
    ['none with an illegible one', ['Last-Modified', 'yesterday'], 200, 0],
    [
      'none with a targeted field that has no time, from Expires',
      ['CDN-Cache-Control', 'foo', 'Expires', at(9)],
      200,
      0,
    ],
    ...[203, 204, 206, 300, 301, 308, 404, 405, 410, 414, 501].map((status): [string, string[], number, number] => [
      `RFC 9110 §15.1: ${status}`,
      modified,
      status,
      100,
    ]),
    ...[201, 202, 302, 303, 307, 400, 401, 403, 499, 500, 502, 503, 504, 599].map(
      (status): [string, string[], number, number] => [`RFC 9110 §15.1: not ${status}`, modified, status, 0],
    ),
    ['§5.2.2.9: any status with public', [...modified, 'Cache-Control', 'public'], 599, 100],
  ])('%s', (_, lines, status, seconds) => {
    expect(lifetime(lines, status)).toEqual({ ms: seconds * 1000, explicit: false });
  });
});

describe('RFC 9111 §5.1: Age', () => {
  test.each<[string | undefined, number]>([
    [undefined, 0],
    ['0', 0],
    ['7200', 7200],
    ['007', 7],
    ['2147483647', 2147483647],
    ['2147483649', 2 ** 31],
    ['9'.repeat(400), 2 ** 31],
    ['7200, 0', 7200],
    ['0, 7200', 0],
    [', 7200', 7200],
    ['abc', 0],
    ['abc, 7200', 0],
    ['-7200', 0],
    ['+7200', 0],
    ['7200.0', 0],
    ['7200;foo=bar', 0],
    ['', 0],
  ])('%s is %i seconds', (value, seconds) => {
    expect(parseAge(value)).toBe(seconds);
  });
});

describe('RFC 9111 §4.2.3: the age', () => {
  test.each<[string, string[], number, number]>([
    ['nothing said, nothing waited', [], 0, 0],
    ['response_delay', [], 5, 5],
    ['age_value', ['Age', '30', 'Date', at(0)], 0, 30],
    ['corrected_age_value', ['Age', '30', 'Date', at(0)], 5, 35],
    ['apparent_age', ['Date', at(-7200)], 5, 7200],
    ['the larger of the two', ['Date', at(-10), 'Age', '25'], 0, 25],
    ['a Date in the future is no age', ['Date', at(100)], 5, 5],
    ['a fast Date does not lower Age', ['Date', at(10), 'Age', '15'], 0, 15],
    ['an illegible Date is none', ['Date', 'foo', 'Age', '3'], 0, 3],
    ['two lines of Age: the first', ['Age', '7200', 'Age', '0'], 0, 7200],
    ['a clock set back is no delay', ['Age', '3'], -60, 3],
  ])('%s', (_, lines, delay, seconds) => {
    const times = { requestedAt: now - delay * 1000, respondedAt: now };
    expect(initialAgeMs({ headers: new Fields(lines), ...times })).toBe(seconds * 1000);
  });

  test('grows with the time in store, and not backwards', () => {
    const stored = { initialAgeMs: 30_000, respondedAt: now };
    expect(currentAgeMs(stored, now + 2_500)).toBe(32_500);
    expect(currentAgeMs(stored, now - 2_500)).toBe(30_000);
  });
});

test('age and lifetime are never negative, nor without bound', () => {
  const name = fc.constantFrom(
    'Age',
    'Date',
    'Expires',
    'Last-Modified',
    'Cache-Control',
    'CDN-Cache-Control',
    'Pragma',
  );
  const value = fc.oneof(
    fc.string(),
    fc.integer().map(String),
    fc.integer({ min: -(10 ** 10), max: 10 ** 10 }).map(at),
    fc.integer().map((n) => `max-age=${n}`),
    fc.integer().map((n) => `s-maxage=${n}, public`),
  );
  const lines = fc.array(fc.tuple(name, value)).map((all) => all.flat());
  fc.assert(
    fc.property(lines, fc.nat(600), fc.integer(), fc.integer(), (headers, status, delay, later) => {
      const { ms } = lifetime(headers, status);
      const initial = initialAgeMs({ headers: new Fields(headers), requestedAt: now - delay, respondedAt: now });
      const age = currentAgeMs({ initialAgeMs: initial, respondedAt: now }, now + later);
      return ms >= 0 && ms <= 2 ** 31 * 1000 && initial >= 0 && age >= initial && Number.isFinite(age);
    }),
  );
});
