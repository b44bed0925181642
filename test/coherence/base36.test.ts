import fc from 'fast-check';
import { expect, test } from 'vitest';
import { base36 } from '../../src/coherence/write-set.ts';

test.each([0, 1, 35, 36, 1_295, 1_296, 2 ** 32, Number.MAX_SAFE_INTEGER])('%d is written as toString does', (value) => {
  expect(base36(value)).toBe(value.toString(36));
});

test('so is any number, and the one below any multiple of 1,296', () => {
  const multiples = fc.integer({ min: 1, max: Math.floor(Number.MAX_SAFE_INTEGER / 1_296) });
  fc.assert(
    fc.property(fc.maxSafeNat(), multiples, (any, multiple) => {
      expect(base36(any)).toBe(any.toString(36));
      expect(base36(multiple * 1_296 - 1)).toBe((multiple * 1_296 - 1).toString(36));
    }),
  );
});
