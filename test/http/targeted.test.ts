import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { noDirectives, parseCacheControl } from '../../src/http/cache-control.ts';
import { Fields } from '../../src/http/fields.ts';
import { parseTargeted, responseDirectives } from '../../src/http/targeted.ts';

const cdn = 'CDN-Cache-Control';
const of = (lines: string[], targeted = ['cdn-cache-control']) => responseDirectives(new Fields(lines), targeted);

describe('RFC 9213 §2.2: which field governs', () => {
  test.each<[string, string[], boolean, string | undefined]>([
    ['the targeted one over Cache-Control', [cdn, 'max-age=3600', 'Cache-Control', 'max-age=1'], true, 'max-age=3600'],
    ['also where it is stricter', [cdn, 'max-age=1', 'Cache-Control', 'max-age=3600'], true, 'max-age=1'],
    ['also over no-store', [cdn, 'max-age=9', 'Cache-Control', 'no-store'], true, 'max-age=9'],
    ['entirely: nothing is merged', [cdn, 'foo', 'Cache-Control', 'no-store, max-age=9'], true, ''],
    ['Cache-Control without it', ['Cache-Control', 'max-age=1'], false, 'max-age=1'],
    ['nothing without either', [], false, undefined],
    ['several lines are one field', [cdn, 'max-age=9', cdn, 'no-store'], true, 'max-age=9, no-store'],
    ['§2.1: not an empty one', [cdn, '', 'Cache-Control', 'max-age=1'], false, 'max-age=1'],
    ['§2.1: not one with an error', [cdn, 'max-age=9, &&&&&', 'Cache-Control', 'no-store'], false, 'no-store'],
    ['not a string for max-age', [cdn, 'max-age="10000"', 'Cache-Control', 'no-store'], false, 'no-store'],
    ['not a decimal', [cdn, 'max-age=10.0', 'Cache-Control', 'no-store'], false, 'no-store'],
    ['not a token', [cdn, 'max-age=ten', 'Cache-Control', 'no-store'], false, 'no-store'],
    ['not a blank before "="', [cdn, 'max-age =100', 'Cache-Control', 'max-age=1'], false, 'max-age=1'],
    ['not a blank behind "="', [cdn, 'max-age= 100', 'Cache-Control', 'max-age=1'], false, 'max-age=1'],
    [
      'not upper case: keys of a dictionary are lower',
      [cdn, 'MaX-aGe=3600', 'Cache-Control', 'no-store'],
      false,
      'no-store',
    ],
  ])('%s', (_, lines, targeted, equivalent) => {
    expect(of(lines)).toEqual({ directives: parseCacheControl(equivalent), targeted });
  });

  test('the first field of the list that is there and valid decides', () => {
    const lines = [cdn, 'max-age=3', 'Unstale-Cache-Control', 'max-age=2', 'Broken-Cache-Control', 'max-age=1.5'];
    const list = ['absent', 'broken-cache-control', 'unstale-cache-control', 'cdn-cache-control'];
    expect(of(lines, list)).toEqual({ directives: { ...noDirectives, maxAge: 2 }, targeted: true });
    expect(of(lines, [])).toEqual({ directives: noDirectives, targeted: false });
  });
});

describe('RFC 9213 §2.1: the dictionary', () => {
  test.each<[string, object | undefined]>([
    ['no-store', { noStore: true }],
    ['no-store=?0', {}],
    ['no-store=5', { noStore: true }],
    ['private', { private: true }],
    ['private=?0', {}],
    ['private="a, B"', { private: ['a', 'b'] }],
    ['private=("b" "a")', { private: ['a', 'b'] }],
    ['private=a', { private: ['a'] }],
    ['private=""', { private: true }],
    ['private=()', { private: true }],
    ['private=5', { private: true }],
    ['no-cache', { noCache: true }],
    ['no-cache="vary"', { noCache: true }],
    ['max-age=60;x=1, foo;bar', { maxAge: 60 }],
    ['max-age=-1', { maxAge: 0 }],
    ['max-age=99999999999', { maxAge: 2 ** 31 }],
    ['max-age=1, max-age=2', { maxAge: 2 }],
    ['foo="max-age=1.5", max-age=1', { maxAge: 1 }],
    ['s-maxage="1"', undefined],
    ['stale-if-error=1.0', undefined],
    ['stale-while-revalidate', undefined],
    ['max-age=@1', undefined],
    [
      'must-understand, immutable, public, no-transform',
      { mustUnderstand: true, immutable: true, public: true, noTransform: true },
    ],
    ['must-revalidate, proxy-revalidate', { mustRevalidate: true, proxyRevalidate: true }],
  ])('%s', (value, expected) => {
    expect(parseTargeted(value)).toEqual(expected === undefined ? undefined : { ...noDirectives, ...expected });
  });

  test('no text makes it throw, and times are never negative', () => {
    const text = fc.oneof(
      fc.string(),
      fc.tuple(fc.constantFrom('max-age', 's-maxage'), fc.string()).map((all) => all.join('=')),
    );
    fc.assert(
      fc.property(text, (value) => {
        const { maxAge = 0, sMaxage = 0 } = parseTargeted(value) ?? {};
        expect(Math.min(maxAge, sMaxage)).toBeGreaterThanOrEqual(0);
      }),
    );
  });
});

describe('RFC 9111 §5.4: Pragma in a response', () => {
  test.each<[string, string[], boolean]>([
    ['means no-cache where nothing newer is said', ['Pragma', 'no-cache'], true],
    ['in a list and any case', ['Pragma', 'x, No-Cache'], true],
    ['means nothing with Cache-Control', ['Pragma', 'no-cache', 'Cache-Control', 'max-age=9'], false],
    ['means nothing with a targeted field', ['Pragma', 'no-cache', cdn, 'max-age=9'], false],
    ['means nothing with other values', ['Pragma', 'unrecognised-extension'], false],
  ])('%s', (_, lines, noCache) => {
    expect(of(lines).directives.noCache).toBe(noCache);
    expect(of(lines).targeted).toBe(lines.includes(cdn));
  });
});
