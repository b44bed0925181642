import { describe, expect, test } from 'vitest';
import { parseCacheControl } from '../../src/http/cache-control.ts';
import { isErrorStatus, mayServeStale, prohibitsStale, type StaleWindows } from '../../src/http/stale.ts';

const leftToOrigin: StaleWindows = { staleWhileRevalidateMs: undefined, staleIfErrorMs: undefined };
const generous: StaleWindows = { staleWhileRevalidateMs: 1e9, staleIfErrorMs: 1e9 };
const off: StaleWindows = { staleWhileRevalidateMs: 0, staleIfErrorMs: 0 };

describe('RFC 5861: stale responses', () => {
  test.each<[string, string, StaleWindows, number, boolean, boolean]>([
    ['nobody allows it', 'max-age=1', leftToOrigin, 0, false, false],
    ['§3 the origin, while revalidating', 'stale-while-revalidate=4', leftToOrigin, 3999, true, false],
    ['§3 its window has passed', 'stale-while-revalidate=4', leftToOrigin, 4000, false, false],
    ['§4 the origin, on error', 'stale-if-error=60', leftToOrigin, 59_999, false, true],
    ['§4 its window has just passed', 'stale-if-error=60', leftToOrigin, 60_000, false, false],
    ['§4 its window has passed', 'stale-if-error=1', leftToOrigin, 3000, false, false],
    ['an illegible window is none', 'stale-if-error=x', leftToOrigin, 0, false, false],
    ['the route', 'max-age=1', generous, 1e6, true, true],
    [
      'the route in place of the origin: longer',
      'stale-if-error=1, stale-while-revalidate=1',
      generous,
      1e6,
      true,
      true,
    ],
    ['the route in place of the origin: none', 'stale-if-error=60, stale-while-revalidate=60', off, 0, false, false],
  ])('%s', (_, value, route, staleMs, revalidating, error) => {
    const directives = parseCacheControl(value);
    expect(mayServeStale(directives, route, 'revalidating', staleMs)).toBe(revalidating);
    expect(mayServeStale(directives, route, 'error', staleMs)).toBe(error);
  });

  test.each<[string, string]>([
    ['§5.2.2.2', 'must-revalidate'],
    ['§5.2.2.8', 'proxy-revalidate'],
    ['§5.2.2.4', 'no-cache'],
    ['§5.2.2.10', 's-maxage=2'],
  ])('RFC 9111 %s: never against %s, whatever else allows it', (_, directive) => {
    const directives = parseCacheControl(`max-age=2, stale-if-error=60, stale-while-revalidate=60, ${directive}`);
    expect(prohibitsStale(directives)).toBe(true);
    for (const route of [leftToOrigin, generous]) {
      expect(mayServeStale(directives, route, 'revalidating', 0)).toBe(false);
      expect(mayServeStale(directives, route, 'error', 0)).toBe(false);
    }
  });

  test.each(['max-age=2', 'no-cache="a"', 'immutable', 'public', 'private="a"'])('%s does not prohibit it', (value) => {
    expect(prohibitsStale(parseCacheControl(value))).toBe(false);
  });

  test.each([
    [200, false],
    [404, false],
    [429, false],
    [500, true],
    [501, false],
    [502, true],
    [503, true],
    [504, true],
    [505, false],
  ])('§4: %i is an error of the origin: %s', (status, expected) => {
    expect(isErrorStatus(status)).toBe(expected);
  });
});
