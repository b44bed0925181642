import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { type CacheControl, MAX_DELTA_SECONDS, noDirectives, parseCacheControl } from '../../src/http/cache-control.ts';

const set = (value: string | undefined): Partial<CacheControl> =>
  Object.fromEntries(
    Object.entries(parseCacheControl(value)).filter(
      ([name, directive]) => directive !== noDirectives[name as keyof CacheControl],
    ),
  );

describe('RFC 9111 §5.2: directives', () => {
  test.each<[string, string | undefined, Partial<CacheControl>]>([
    ['§5.2', undefined, {}],
    ['§5.2', '', {}],
    ['§5.2.2.5', 'no-store', { noStore: true }],
    ['§5.2: names in any case', 'No-StOrE', { noStore: true }],
    ['§5.2: with an argument too', 'MaX-aGe=3600', { maxAge: 3600 }],
    ['§5.2.2.9', 'public', { public: true }],
    ['§5.2.2.2', 'must-revalidate', { mustRevalidate: true }],
    ['§5.2.2.8', 'proxy-revalidate', { proxyRevalidate: true }],
    ['§5.2.2.3', 'must-understand', { mustUnderstand: true }],
    ['§5.2.2.6', 'no-transform', { noTransform: true }],
    ['§5.2.1.7', 'only-if-cached', { onlyIfCached: true }],
    ['RFC 8246 §2', 'immutable', { immutable: true }],
    ['§5.2.2.1', 'max-age=60', { maxAge: 60 }],
    ['§5.2.2.10', 's-maxage=60', { sMaxage: 60 }],
    ['§5.2.1.3', 'min-fresh=60', { minFresh: 60 }],
    ['§5.2.1.2', 'max-stale=60', { maxStale: 60 }],
    ['§5.2.1.2: any staleness', 'max-stale', { maxStale: Number.POSITIVE_INFINITY }],
    ['RFC 5861 §3', 'stale-while-revalidate=60', { staleWhileRevalidate: 60 }],
    ['RFC 5861 §4', 'stale-if-error=60', { staleIfError: 60 }],
    ['§5.2.3: extensions are ignored', 'foobar, x=1, y="a,b", max-age=60', { maxAge: 60 }],
    ['§5.2: names of Object.prototype are extensions', '__proto__, constructor=1, toString', {}],
    ['§5.2: several', ' private ,,max-age=0 ', { private: true, maxAge: 0 }],
  ])('%s: %s', (_, value, expected) => {
    expect(set(value)).toEqual(expected);
  });

  test.each<[string, string, number]>([
    ['a quoted one (§5.2)', 'max-age="3600"', 3600],
    ['leading zeros (§1.2.2)', 'max-age=003600', 3600],
    ['2^31 − 1', 'max-age=2147483647', 2147483647],
    ['2^31', 'max-age=2147483648', MAX_DELTA_SECONDS],
    ['more (§1.2.2)', 'max-age=99999999999', MAX_DELTA_SECONDS],
    ['far more', `max-age=${'9'.repeat(400)}`, MAX_DELTA_SECONDS],
    ['the same twice', 'max-age=5, max-age=5', 5],
    ['a quoted extension that looks like one', 'extension="max-age=3600", max-age=1', 1],
    ['the same behind it', 'max-age=1, extension="max-age=3600"', 1],
  ])('a time is read: %s', (_, value, seconds) => {
    expect(parseCacheControl(value).maxAge).toBe(seconds);
  });

  test.each<[string, string]>([
    ['letters before', 'max-age=a3600'],
    ['letters behind', 'max-age=3600a'],
    ['a negative number', 'max-age=-3600'],
    ['a sign', 'max-age=+3600'],
    ['a fraction', 'max-age=3600.0'],
    ['single quotes', "max-age='3600'"],
    ['a blank before "="', 'max-age =3600'],
    ['a blank behind "="', 'max-age= 3600'],
    ['an open quote', 'max-age="3600'],
    ['a quoted blank', 'max-age="3600 "'],
    ['an exponent', 'max-age=1e3'],
    ['hexadecimal digits', 'max-age=0x10'],
    ['digits of another script', 'max-age=\u0663'],
    ['an empty argument', 'max-age='],
    ['an empty quoted one', 'max-age=""'],
    ['no argument', 'max-age'],
    ['a semicolon', 'max-age=3600; public'],
    ['two values (§4.2.1)', 'max-age=1800, max-age=1'],
    ['two values, the other way round', 'max-age=1, max-age=1800'],
    ['a value and an illegible one', 'max-age=1800, max-age=x'],
  ])('RFC 9111 §4.2.1: a time that is not one makes stale: %s', (_, value) => {
    expect(parseCacheControl(value).maxAge).toBe(0);
  });

  test.each<[string, Partial<CacheControl>]>([
    ['s-maxage=x, max-age=60', { sMaxage: 0, maxAge: 60 }],
    ['stale-while-revalidate=x, stale-if-error=-1', { staleWhileRevalidate: 0, staleIfError: 0 }],
    ['stale-if-error=60, stale-if-error=30', { staleIfError: 0 }],
    ['min-fresh=x', {}],
    ['min-fresh =10', {}],
    ['min-fresh=10, min-fresh=20', { minFresh: 20 }],
    ['min-fresh=20, min-fresh=10', { minFresh: 20 }],
    ['min-fresh=0', { minFresh: 0 }],
    ['max-stale=x', { maxStale: 0 }],
    ['max-stale =10', { maxStale: 0 }],
    ['max-stale=10, max-stale=5', { maxStale: 5 }],
    ['max-stale=5, max-stale=10', { maxStale: 5 }],
    ['max-stale, max-stale=5', { maxStale: 5 }],
  ])('the most restrictive reading wins: %s', (value, expected) => {
    expect(set(value)).toEqual(expected);
  });

  test.each<[string, Partial<CacheControl>]>([
    ['no-store=1', { noStore: true }],
    ['no-store;', { noStore: true }],
    ['no-store no-cache', { noStore: true, noCache: true }],
    ['private; max-age=0', { private: true, maxAge: 0 }],
    ['max-age=3600; no-store', { maxAge: 0, noStore: true }],
    ['ext="a, no-store', { noStore: true }],
    ['ext="a b" no-store', { noStore: true }],
    ['ext="a no-store', { noStore: true }],
    ['must-revalidate=true', { mustRevalidate: true }],
    ['max-age=60, "no-store', { maxAge: 60, noStore: true }],
    ['max-age=60, "no-store"', { maxAge: 60, noStore: true }],
    ['max-age=60|no-store', { maxAge: 0, noStore: true }],
    ['max-age=60,\u00a0no-store', { maxAge: 60, noStore: true }],
    ['max-age=60, ext=(private)', { maxAge: 60, noStore: true }],
    ["private='x'", { private: true }],
  ])('a prohibition is honoured however it is spelled: %s', (value, expected) => {
    expect(set(value)).toEqual(expected);
  });

  test.each([
    'public=1',
    'public;',
    'immutable=""',
    'must-understand=x',
    'public immutable',
    'ext="public"',
    'ext="no-store"',
  ])('a permission is not, and nothing in a quoted string counts: %s', (value) => {
    expect(set(value)).toEqual({});
  });
});

describe('RFC 9111 §5.2.2.4, §5.2.2.7: directives limited to fields', () => {
  test.each<[string, boolean | readonly string[]]>([
    ['no-cache', true],
    ['no-cache="a"', ['a']],
    ['no-cache="b, A,, b"', ['a', 'b']],
    ['no-cache=a', ['a']],
    ['no-cache="a", no-cache="b"', ['a', 'b']],
    ['no-cache="a", no-cache', true],
    ['no-cache, no-cache="a"', true],
    ['no-cache=""', true],
    ['no-cache=', true],
    ['no-cache=", ,"', true],
    ['no-cache="a b"', true],
    ['no-cache="a', true],
    ['no-cache ="a"', true],
    ['no-cache="cache-control"', true],
    ['no-cache="a, Vary"', true],
  ])('%s reaches %j', (value, reach) => {
    expect(parseCacheControl(value).noCache).toEqual(reach);
    expect(parseCacheControl(value.replaceAll('no-cache', 'private')).private).toEqual(reach);
  });
});

test.each([
  'Age',
  'Cache-Control',
  'Content-Encoding',
  'Content-Length',
  'Content-Range',
  'Content-Type',
  'Date',
  'Expires',
  'Vary',
])('a directive limited to %s, which reuse depends on, reaches the whole response', (name) => {
  expect(parseCacheControl(`no-cache="a, ${name}"`).noCache).toBe(true);
  expect(parseCacheControl(`private=${name}`).private).toBe(true);
});

test('what many values mean is forgotten and read again', () => {
  const once = parseCacheControl('max-age=7');
  expect(parseCacheControl('max-age=7')).toBe(once);
  expect(() => Object.assign(once, { maxAge: 8 })).toThrow(TypeError);
  for (let i = 0; i < 1_000; i++) expect(parseCacheControl(`max-age=${i}`).maxAge).toBe(i);
  expect(parseCacheControl('max-age=7')).toEqual(once);
  const long = `max-age=7, x=${'y'.repeat(200)}`;
  expect(parseCacheControl(long)).not.toBe(parseCacheControl(long));
});

describe('for any text', () => {
  const directive = fc.oneof(
    fc.constantFrom('no-store', 'private', 'public', 'no-cache', 'max-age', 'max-stale', 'min-fresh', 'immutable'),
    fc.string({ maxLength: 8 }),
  );
  const argument = fc.oneof(fc.nat().map(String), fc.string({ maxLength: 8 }), fc.constant('"a, b"'));
  const text = fc.oneof(
    fc.string(),
    fc
      .array(fc.tuple(directive, fc.option(argument)))
      .map((all) => all.map(([name, value]) => (value === null ? name : `${name}=${value}`)).join(', ')),
  );

  test('it does not throw, and times are seconds from 0 to 2^31', () => {
    fc.assert(
      fc.property(text, (value) => {
        const { maxStale, ...directives } = parseCacheControl(value);
        for (const each of Object.values(directives)) {
          if (typeof each === 'number')
            expect(Number.isInteger(each) && each >= 0 && each <= MAX_DELTA_SECONDS).toBe(true);
        }
        expect(maxStale === undefined || maxStale >= 0).toBe(true);
      }),
    );
  });

  test('what was understood is understood again when it is written out', () => {
    fc.assert(
      fc.property(text, (value) => {
        const directives = parseCacheControl(value);
        expect(parseCacheControl(serialise(directives))).toEqual(directives);
      }),
    );
  });

  test('another directive never lifts a prohibition', () => {
    fc.assert(
      fc.property(text, text, (before, behind) => {
        const directives = parseCacheControl(`${before}, no-store, private, no-cache, ${behind}`);
        // Inside a quoted string that opens before and closes behind, they are no directives.
        if (before.includes('"') && behind.includes('"')) return;
        expect(directives).toMatchObject({ noStore: true, private: true, noCache: true });
      }),
    );
  });
});

function serialise(directives: CacheControl): string {
  return Object.entries(directives)
    .flatMap(([key, value]) => {
      const name = key === 'sMaxage' ? 's-maxage' : key.replace(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`);
      if (value === undefined || value === false) return [];
      if (value === true || value === Number.POSITIVE_INFINITY) return [name];
      return [Array.isArray(value) ? `${name}="${value.join(', ')}"` : `${name}=${value}`];
    })
    .join(', ');
}
