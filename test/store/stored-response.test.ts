import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { formatHttpDate } from '../../src/http/date.ts';
import { Fields } from '../../src/http/fields.ts';
import { stored } from '../support/stored.ts';

const AT = Date.UTC(2026, 0, 1);

/** Few different ones, so that lines have texts in common, and one that is too long to be shared. */
const text = fc.oneof(
  fc.constantFrom('Date', 'date', 'ETag', 'X-A', '', '"1"', formatHttpDate(AT), '0', '1', 'a'),
  fc.constant('x'.repeat(2_000)),
);
const lines = fc.array(fc.tuple(text, text), { maxLength: 6 }).map((all) => all.flat());

test('a response has the fields that it was made of, whatever others it shares them with', () => {
  fc.assert(
    fc.property(lines, lines, fc.option(text, { nil: undefined }), (headers, clientHeaders, etag) => {
      const response = stored('/a', { headers: new Fields(headers), clientHeaders, etag, respondedAt: AT });
      expect(response.headers.lines).toEqual(headers);
      expect(response.clientHeaders).toEqual(clientHeaders);
      const other = response.with({ etag: 'another', respondedAt: AT + 5_000 });
      expect(other.headers.lines).toEqual(headers);
      expect(other.clientHeaders).toEqual(clientHeaders);
      for (const name of ['date', 'etag', 'x-a', 'none']) {
        expect(response.field(name)).toBe(new Fields(headers).get(name));
      }
    }),
    { numRuns: 2_000 },
  );
});

test('more kinds of fields than are remembered are told apart', () => {
  const all = Array.from({ length: 3_000 }, (_, i) => {
    const headers = [`X-${i}`, 'a', 'ETag', `"${i}"`];
    return stored(`/${i}`, { headers: new Fields(headers), clientHeaders: [...headers, `Y-${i}`, 'b'] });
  });
  for (const [i, response] of all.entries()) {
    expect(response.headers.lines).toEqual([`X-${i}`, 'a', 'ETag', `"${i}"`]);
    expect(response.clientHeaders.slice(4)).toEqual([`Y-${i}`, 'b']);
  }
});

describe('bodies', () => {
  test.each([0, 1, 1_023, 1_024, 1_025, 5_000])('of %i octets are kept as they are', (length) => {
    const body = Buffer.from(Array.from({ length }, (_, i) => i % 256));
    const response = stored('/a', { body });
    expect(response.body).toEqual(body);
    expect(response.with({ asOf: 7 }).body).toEqual(body);
  });
});

test('a derived response has all that it was not given anew', () => {
  const parts = {
    ...{ named: ['a'], since: 3, uses: 4, status: 206, vary: ['x'], selecting: ['y'], language: 'de', etag: '"1"' },
    part: { start: 1, size: 2, saidEnd: 3, asked: 'bytes=1-' },
    headers: new Fields(['Last-Modified', formatHttpDate(AT), 'Date', formatHttpDate(AT + 1_000)]),
    codings: ['gzip'] as const,
    encoded: { gzip: 'not-worthwhile' } as const,
  };
  const response = stored('/a', parts);
  expect(response).toMatchObject({ lastModifiedMs: AT, dateMs: AT + 1_000 });
  const { named: _, headers, ...plain } = parts;
  const derived = response.with({ asOf: 9 });
  expect(derived).toMatchObject({ ...plain, asOf: 9, tags: response.tags, key: response.key, path: '/a' });
  expect(derived.headers.lines).toEqual(headers.lines);
  expect(derived.with({ part: undefined, encoded: undefined }).vary).toEqual(['x']);
});
