import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { writeJson } from '../../src/snapshot/json-octets.ts';
import { codePoint } from '../support/code-points.ts';

/** What was written from the third octet on. */
function written(value: unknown, room = 100_000): string {
  const octets = Buffer.alloc(room);
  const end = writeJson(value, octets, 3);
  expect(octets.subarray(end).every((octet) => octet === 0)).toBe(true);
  return octets.toString('utf8', 3, end);
}

const texts = fc.oneof(
  fc.string({ unit: codePoint }),
  fc.string({ unit: fc.constantFrom('"', '\\', '\n', '\r', 'a') }),
);

describe('the octets are those of JSON.stringify', () => {
  test.each<[string, unknown]>([
    ['every character of ASCII', String.fromCharCode(...Array.from({ length: 128 }, (_, code) => code))],
    ['a cache key', 'http://host\n/a/b\n?c="d"'],
    ['what takes several octets', { name: 'Ä', value: ['€', '🏔'] }],
    ['half a character', '\ud83c'],
    ['numbers', [0, -1, 1.5, 1e21, 1_795_362_248_555, Number.POSITIVE_INFINITY, Number.NaN]],
    ['what is absent', { a: undefined, b: null, c: { d: undefined }, e: [] }],
    ['flags', [true, false]],
  ])('%s', (_, value) => {
    expect(written(value)).toBe(JSON.stringify(value));
  });

  test('any value', () => {
    const values = fc.oneof(fc.jsonValue(), texts, fc.dictionary(texts, fc.oneof(texts, fc.constant(undefined))));
    fc.assert(
      fc.property(values, (value) => {
        expect(written(value)).toBe(JSON.stringify(value));
      }),
    );
  });
});

test('what has no room says where it would end, or further, and writes no other octets', () => {
  fc.assert(
    fc.property(fc.array(texts, { minLength: 1 }), fc.nat(50), (value, room) => {
      const whole = Buffer.alloc(10_000);
      const octets = whole.subarray(0, room);
      const end = writeJson(value, octets, 0);
      expect(end).toBe(Buffer.byteLength(JSON.stringify(value)));
      expect(whole.subarray(room).every((octet) => octet === 0)).toBe(true);
    }),
  );
});

test('what JSON cannot say is refused', () => {
  expect(() => written({ a: () => 1 })).toThrow(TypeError);
});
