import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { formatHttpDate, parseHttpDate } from '../../src/http/date.ts';

const now = Date.UTC(2026, 10, 20);
const sample = Date.UTC(1994, 10, 6, 8, 49, 37);

describe('RFC 9110 §5.6.7: HTTP dates', () => {
  test.each<[string, string, number]>([
    ['IMF-fixdate', 'Sun, 06 Nov 1994 08:49:37 GMT', sample],
    ['RFC 850', 'Sunday, 06-Nov-94 08:49:37 GMT', sample],
    ['asctime', 'Sun Nov  6 08:49:37 1994', sample],
    ['asctime, two-digit day', 'Thu Nov 16 08:49:37 1995', Date.UTC(1995, 10, 16, 8, 49, 37)],
    ['weekday in capitals', 'SUN, 06 Nov 1994 08:49:37 GMT', sample],
    ['month in capitals', 'Sun, 06 NOV 1994 08:49:37 GMT', sample],
    ['zone in mixed case', 'Sun, 06 Nov 1994 08:49:37 gMT', sample],
    ['the wrong weekday', 'Mon, 06 Nov 1994 08:49:37 GMT', sample],
    ['past 32 bits', 'Tue, 19 Jan 2038 14:14:08 GMT', Date.UTC(2038, 0, 19, 14, 14, 8)],
    ['far in the future', 'Sun, 21 Nov 2286 04:46:39 GMT', Date.UTC(2286, 10, 21, 4, 46, 39)],
    ['a leap second', 'Sat, 31 Dec 2016 23:59:60 GMT', Date.UTC(2017, 0, 1)],
    ['29 February of a leap year', 'Thu, 29 Feb 2024 00:00:00 GMT', Date.UTC(2024, 1, 29)],
    ['a year below 100', 'Sat, 01 Jan 0050 00:00:00 GMT', new Date('0050-01-01T00:00:00Z').getTime()],
  ])('accepts %s', (_, text, ms) => {
    expect(parseHttpDate(text, now)).toBe(ms);
  });

  test.each<[string, string]>([
    ['0', '0'],
    ['nothing', ''],
    ['another zone', 'Thu, 18 Aug 2050 02:01:18 UTC'],
    ['another zone', 'Thu, 18 Aug 2050 02:01:18 AEST'],
    ['an offset', 'Thu, 18 Aug 2050 02:01:18 +0000'],
    ['a two-digit year', 'Thu, 18 Aug 50 02:01:18 GMT'],
    ['no comma', 'Thu 18 Aug 2050 02:01:18 GMT'],
    ['several blanks', 'Thu, 18  Aug  2050 02:01:18 GMT'],
    ['dashes in the short form', 'Thu, 18-Aug-2050 02:01:18 GMT'],
    ['periods in the time', 'Thu, 18 Aug 2050 02.01.18 GMT'],
    ['a one-digit hour', 'Thu, 18 Aug 2050 2:01:18 GMT'],
    ['a one-digit day', 'Thu, 8 Aug 2050 02:01:18 GMT'],
    ['two lines joined', 'Thu, 18 Aug 2050 02:01:18 GMT, Thu, 18 Aug 2050 02:01:19 GMT'],
    ['hour 24', 'Thu, 18 Aug 2050 24:00:00 GMT'],
    ['minute 60', 'Thu, 18 Aug 2050 23:60:00 GMT'],
    ['second 61', 'Thu, 18 Aug 2050 23:59:61 GMT'],
    ['31 April', 'Thu, 31 Apr 2050 02:01:18 GMT'],
    ['29 February of no leap year', 'Wed, 29 Feb 2023 00:00:00 GMT'],
    ['day 0', 'Thu, 00 Aug 2050 02:01:18 GMT'],
    ['no weekday', '18 Aug 2050 02:01:18 GMT'],
    ['an unknown weekday', 'Xyz, 18 Aug 2050 02:01:18 GMT'],
    ['an unknown month', 'Thu, 18 Abc 2050 02:01:18 GMT'],
    ['the short weekday in RFC 850', 'Thu, 18-Aug-50 02:01:18 GMT'],
    ['ISO 8601', '2050-08-18T02:01:18Z'],
    ['what Date.parse takes', 'Aug 18, 2050'],
    ['something behind it', 'Thu, 18 Aug 2050 02:01:18 GMT;'],
    ['something before it', ' Thu, 18 Aug 2050 02:01:18 GMT'],
  ])('refuses %s: %s', (_, text) => {
    expect(parseHttpDate(text, now)).toBeUndefined();
  });

  test.each<[string, number]>([
    ['76', 2076],
    ['77', 1977],
    ['50', 2050],
    ['26', 2026],
    ['99', 1999],
    ['00', 2000],
  ])('a year of two digits is at most 50 years ahead: %s in 2026 is %i', (digits, year) => {
    expect(parseHttpDate(`Thursday, 18-Aug-${digits} 02:01:18 GMT`, now)).toBe(Date.UTC(year, 7, 18, 2, 1, 18));
  });

  test('is formatted in the preferred form', () => {
    expect(formatHttpDate(sample + 999)).toBe('Sun, 06 Nov 1994 08:49:37 GMT');
  });

  test('every second that can be formatted is read back', () => {
    const seconds = fc.integer({ min: -62_135_596_800, max: 253_402_300_799 });
    fc.assert(fc.property(seconds, (s) => parseHttpDate(formatHttpDate(s * 1000), now) === s * 1000));
  });

  test('no text makes it throw, and what it accepts is stable', () => {
    fc.assert(
      fc.property(fc.string(), (text) => {
        const ms = parseHttpDate(text, now);
        return ms === undefined || parseHttpDate(formatHttpDate(ms), now) === ms;
      }),
    );
  });
});
