import { describe, expect, test } from 'vitest';
import { acceptsCoding, isCompressible, wantedCoding } from '../../src/http/content-coding.ts';

describe('RFC 9110 §12.5.3: the coding that a client wants', () => {
  test.each<[string | undefined, string | undefined]>([
    [undefined, undefined],
    ['', undefined],
    ['identity', undefined],
    ['br', 'br'],
    ['gzip', 'gzip'],
    ['x-gzip', 'gzip'],
    ['GZIP', 'gzip'],
    ['gzip, br', 'br'],
    ['gzip;q=1.0, br;q=0.9', 'gzip'],
    ['gzip;q=0', undefined],
    ['*', 'br'],
    ['*;q=0, gzip', 'gzip'],
    ['br;q=0, *', 'gzip'],
    ['identity;q=1, br;q=0.5', undefined],
    ['identity;q=0.5, gzip;q=0.5', 'gzip'],
    ['identity;q=0, gzip;q=0.1', 'gzip'],
    ['deflate, zstd', undefined],
    ['gzip;q=2', undefined],
    ['gzip;;', undefined],
  ])('%j: %s', (field, expected) => {
    expect(wantedCoding(field, ['br', 'gzip'])).toBe(expected);
  });

  test.each([
    ['gzip', 'gzip', true],
    ['gzip;q=0.001', 'gzip', true],
    ['gzip;q=0', 'gzip', false],
    ['*', 'gzip', true],
    ['br', 'gzip', false],
  ])('%j takes %s: %s', (field, coding, expected) => {
    expect(acceptsCoding(field, coding)).toBe(expected);
  });
});

test.each<[string | undefined, boolean]>([
  ['text/html; charset=utf-8', true],
  ['application/json', true],
  ['Application/JSON', true],
  ['application/problem+json', true],
  ['application/atom+xml', true],
  ['image/svg+xml', true],
  ['application/vnd.api+json;version=1', true],
  ['image/png', false],
  ['application/zip', false],
  ['application/octet-stream', false],
  ['application/jsonx', false],
  [undefined, false],
])('%s is text: %s', (type, expected) => {
  expect(isCompressible(type)).toBe(expected);
});
