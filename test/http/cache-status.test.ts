import fc from 'fast-check';
import { parseItem } from 'structured-headers';
import { describe, expect, test } from 'vitest';
import { type CacheStatus, formatCacheStatus, isStructuredList } from '../../src/http/cache-status.ts';
import { codePoint } from '../support/code-points.ts';

describe('RFC 9211 §2: Cache-Status', () => {
  test.each<[CacheStatus, string]>([
    [{}, 'unstale'],
    [{ hit: true, ttl: 30 }, 'unstale; hit; ttl=30'],
    [{ hit: true, ttl: -5, detail: 'stale-while-revalidate' }, 'unstale; hit; ttl=-5; detail=stale-while-revalidate'],
    [{ hit: true, fwd: 'stale', fwdStatus: 304, stored: true, collapsed: true }, 'unstale; hit'],
    [{ fwd: 'uri-miss', fwdStatus: 200, stored: true }, 'unstale; fwd=uri-miss; fwd-status=200; stored'],
    [{ fwd: 'vary-miss', stored: false, collapsed: true }, 'unstale; fwd=vary-miss; collapsed'],
    [{ fwd: 'stale', fwdStatus: 304, stored: true, ttl: 60 }, 'unstale; fwd=stale; fwd-status=304; stored; ttl=60'],
    [{ fwd: 'bypass', detail: 'not-serving' }, 'unstale; fwd=bypass; detail=not-serving'],
    [{ fwd: 'bypass', detail: undefined, ttl: undefined, key: undefined }, 'unstale; fwd=bypass'],
    [{ fwd: 'bypass', detail: '' }, 'unstale; fwd=bypass'],
    [{ fwd: 'request', detail: 'max age' }, 'unstale; fwd=request; detail="max age"'],
    [{ fwd: 'request', detail: '9-lives' }, 'unstale; fwd=request; detail="9-lives"'],
    [{ fwd: 'request', detail: 'a"b\\c\r\nX: ä' }, 'unstale; fwd=request; detail="a\\"b\\\\c??X: ?"'],
    [{ hit: true, key: '/a?b="c"' }, 'unstale; hit; key="/a?b=\\"c\\""'],
    [{ hit: true, ttl: 1.9 }, 'unstale; hit; ttl=1'],
    [{ hit: true, ttl: -0.5 }, 'unstale; hit; ttl=-1'],
    [{ hit: true, ttl: 1e300 }, 'unstale; hit; ttl=999999999999999'],
    [{ hit: true, ttl: Number.NEGATIVE_INFINITY }, 'unstale; hit; ttl=-999999999999999'],
  ])('%j is %s', (status, text) => {
    expect(formatCacheStatus(status)).toBe(text);
  });

  test('a long key, which comes from a client, is cut', () => {
    expect(formatCacheStatus({ hit: true, key: 'x'.repeat(100_000) }).length).toBeLessThan(300);
  });

  test('whatever is said, it is one structured item that says it', () => {
    const status = fc.record(
      {
        hit: fc.constant(true),
        fwd: fc.constantFrom('miss', 'partial', 'method'),
        fwdStatus: fc.integer(),
        stored: fc.boolean(),
        collapsed: fc.boolean(),
        ttl: fc.double({ noNaN: true }),
        detail: fc.string({ unit: codePoint, minLength: 1 }),
        key: fc.string({ unit: codePoint, maxLength: 1000 }),
      },
      { requiredKeys: [] },
    );
    fc.assert(
      fc.property(status, (each) => {
        const [name, parameters] = parseItem(formatCacheStatus(each));
        expect(String(name)).toBe('unstale');
        expect(parameters.has('hit') && parameters.has('fwd')).toBe(false);
        expect([parameters.has('ttl'), parameters.has('detail')]).toEqual(['ttl' in each, 'detail' in each]);
      }),
    );
  });
});

describe('RFC 9211 §2: caches in a row', () => {
  test.each(['HIT from x, (', 'a b', '"open', 'x;'])('this is no structured list: %s', (value) => {
    expect(isStructuredList(value)).toBe(false);
  });

  test.each(['Origin; hit', 'a, b; fwd=miss', ''])('this is one: %s', (value) => {
    expect(isStructuredList(value)).toBe(true);
  });
});
