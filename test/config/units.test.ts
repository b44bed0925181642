import { describe, expect, it } from 'vitest';
import { parseDuration, parseSize } from '../../src/config/units.ts';
import { ValueError } from '../../src/config/value-error.ts';

const any = { min: 0, max: Number.MAX_SAFE_INTEGER };

function faultOf(parse: () => unknown): string {
  try {
    return `accepted as ${parse()}`;
  } catch (error) {
    if (error instanceof ValueError) return `${error.message} | ${error.hint}`;
    throw error;
  }
}

describe('durations, in milliseconds', () => {
  it.each([
    ['0s', 0],
    ['0ms', 0],
    ['250ms', 250],
    ['60s', 60_000],
    ['10m', 600_000],
    ['1h', 3_600_000],
    ['1d', 86_400_000],
    ['007s', 7_000],
  ])('%s is %i', (text, ms) => expect(parseDuration(text, any)).toBe(ms));

  const form = 'write a whole number and a unit: 250ms, 60s, 10m, 1h or 1d';
  it.each([
    ['60', '"60" has no unit | write a duration like 250ms, 60s, 10m, 1h or 1d'],
    ['', `"" is not a duration | ${form}`],
    ['1.5h', `"1.5h" is not a duration | ${form}`],
    ['-1s', `"-1s" is not a duration | ${form}`],
    ['1h30m', `"1h30m" is not a duration | ${form}`],
    ['60 s', `"60 s" is not a duration | ${form}`],
    ['60S', '"S" is not a unit of a duration | write 60s'],
    ['5min', '"min" is not a unit of a duration | write a duration like 250ms, 60s, 10m, 1h or 1d'],
    // Not a unit for being a property of every object.
    ['5constructor', '"constructor" is not a unit of a duration | write a duration like 250ms, 60s, 10m, 1h or 1d'],
  ])('%j is none', (text, fault) => expect(faultOf(() => parseDuration(text, any))).toBe(fault));

  it.each([
    ['0s', '"0s" is too small | the minimum is 1ms'],
    ['1ms', 'accepted as 1'],
    ['1h', 'accepted as 3600000'],
    ['3601s', '"3601s" is too large | the maximum is 1h'],
    ['99999999999999999999d', '"99999999999999999999d" is too large | the maximum is 1h'],
  ])('%s from 1ms to 1h: %s', (text, fault) => {
    expect(faultOf(() => parseDuration(text, { min: 1, max: 3_600_000 }))).toBe(fault);
  });

  it('names a bound of nothing', () => {
    expect(faultOf(() => parseDuration('1ms', { min: 0, max: 0 }))).toBe('"1ms" is too large | the maximum is 0ms');
  });
});

describe('sizes, in bytes', () => {
  it.each([
    ['512B', 512],
    ['64KiB', 65_536],
    ['8MiB', 8_388_608],
    ['1GiB', 1_073_741_824],
    ['64kB', 64_000],
    ['8MB', 8_000_000],
    ['1GB', 1_000_000_000],
  ])('%s is %i', (text, bytes) => expect(parseSize(text, any)).toBe(bytes));

  it.each([
    ['8', '"8" has no unit | write a size like 64KiB, 8MiB or 1GiB'],
    ['8mib', '"mib" is not a unit of a size | write 8MiB'],
    ['8KB', '"KB" is not a unit of a size | write 8kB'],
    ['8M', '"M" is not a unit of a size | write a size like 64KiB, 8MiB or 1GiB'],
    ['8.5MiB', '"8.5MiB" is not a size | write a whole number and a unit: 64KiB, 8MiB or 1GiB'],
    ['99999999GiB', '"99999999GiB" is too large | the maximum is 9007199254740991B'],
  ])('%s is none', (text, fault) => expect(faultOf(() => parseSize(text, any))).toBe(fault));
});
