import { expect, test } from 'vitest';
import { isoTime } from '../../src/clock.ts';

test.each([
  0, 1, 999, 1_000, 1_795_397_234_226, 1_795_397_234_227, 1_795_397_234_005, 1_795_397_235_000, 1_795_397_234_999,
  1_795_397_234_226.9, 253_402_300_800_000,
])('%d is written as Date does, whatever was before it', (ms) => {
  expect(isoTime(ms)).toBe(new Date(ms).toISOString());
});
