import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import {
  decodeSegment,
  encodeSegment,
  parseTarget,
  resourceOf,
  sortedQuery,
  TargetError,
} from '../../src/route/path.ts';
import { codePoint } from '../support/code-points.ts';

describe('a request target has one canonical form', () => {
  test.each([
    // RFC 3986 §6.2.2.1, §6.2.2.2: escapes of unreserved octets are undone, the others in upper case
    ['/steps/7', '/steps/7', '/steps/7'],
    ['/st%65ps/%37', '/steps/7', '/steps/7'],
    ['/caf%c3%a9', '/caf%C3%A9', '/caf%C3%A9'],
    ['/caf%e9', '/caf%E9', '/caf%C3%A9'],
    // §5.2.4: dot segments, escaped ones too
    ['/users/../steps/./7', '/steps/7', '/steps/7'],
    ['/users/%2e%2e/steps/7', '/steps/7', '/steps/7'],
    ['/../../steps', '/steps', '/steps'],
    ['/steps/7/..', '/steps/', '/steps'],
    // the resource merges what origins commonly treat alike; what is forwarded stays as it was
    ['/steps/7/', '/steps/7/', '/steps/7'],
    ['//steps///7', '//steps///7', '/steps/7'],
    ['/', '/', '/'],
    // reserved octets are one resource whether escaped or not
    ['/a(b)', '/a(b)', '/a%28b%29'],
    ['/a%28b%29', '/a%28b%29', '/a%28b%29'],
    ['/a%2Fb', '/a%2Fb', '/a%2Fb'],
    ['/a*b', '/a*b', '/a%2Ab'],
  ])('%s is forwarded as %s and names %s', (raw, path, resource) => {
    expect(parseTarget(raw)).toEqual({ path, resource, query: '' });
  });

  test('the query is left as it was sent', () => {
    expect(parseTarget('/a?b=%7e&&c')).toEqual({ path: '/a', resource: '/a', query: 'b=%7e&&c' });
  });

  test.each([
    ['no slash', 'steps'],
    ['a backslash', '/a\\b'],
    ['a fragment', '/a#b'],
    ['a fragment in the query', '/a?b#c'],
    ['a blank', '/a b'],
    ['a control character', '/a\u0001'],
    ['an octet beyond ASCII', '/caf\u00e9'],
    ['a lone percent', '/100%'],
    ['a malformed escape', '/%zz'],
    ['an escaped NUL', '/a%00'],
    ['dots behind an escaped slash', '/steps/..%2Fusers%2Fme'],
    ['dots between escaped slashes', '/steps/x%2F..%2F..%2Fusers'],
    ['dots behind an escaped backslash', '/steps/..%5Cusers'],
  ])('refused: %s', (_what, raw) => {
    expect(() => parseTarget(raw)).toThrow(TargetError);
  });
});

describe('a value in a segment', () => {
  test('comes back as it was, and is neither a separator nor a pattern', () => {
    fc.assert(
      fc.property(fc.string({ unit: codePoint, minLength: 1 }), (value) => {
        fc.pre(value !== '.' && value !== '..' && value.isWellFormed());
        const segment = encodeSegment(value);
        expect(segment).toMatch(/^[A-Za-z0-9._~%-]+$/);
        expect(decodeSegment(segment)).toBe(value);
        expect(resourceOf(`/a/${segment}/b`)).toBe(`/a/${segment}/b`);
      }),
    );
  });

  test.each(['.', '..'])('%s cannot leave its segment', (value) => {
    expect(parseTarget(`/steps/${encodeSegment(value)}/x`).path.split('/')).toHaveLength(4);
  });
});

test('canonical paths stay as they are', () => {
  fc.assert(
    fc.property(fc.webPath(), (path) => {
      let once: string;
      try {
        once = parseTarget(path === '' ? '/' : path).resource;
      } catch (error) {
        expect(error).toBeInstanceOf(TargetError);
        return;
      }
      expect(resourceOf(once)).toBe(once);
      expect(parseTarget(once).resource).toBe(once);
    }),
  );
});

test.each([
  ['', ''],
  ['b=2&a=1', 'a=1&b=2'],
  ['a=2&a=1', 'a=1&a=2'],
  ['&b=2&&a=1&', 'a=1&b=2'],
  ['stepId=%37', 'stepId=7'],
  ['q=a+b', 'q=a%20b'],
  ['ids=1,2', 'ids=1%2C2'],
  ['ids=1%2c2', 'ids=1%2C2'],
  ['flag', 'flag='],
  ['a=b=c', 'a=b%3Dc'],
  ['%zz=1', '%25zz=1'],
])('the query %s is named %s', (query, sorted) => {
  expect(sortedQuery(query)).toBe(sorted);
});
