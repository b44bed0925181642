import { inflateRawSync } from 'node:zlib';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { Deflater } from '../../src/snapshot/deflater.ts';
import { random } from '../support/random.ts';

let deflater: Deflater;
beforeEach(() => {
  deflater = new Deflater();
});
afterEach(() => deflater.close());

const next = random(3);
const noise = (length: number): Buffer => Buffer.from(Array.from({ length }, () => next(256)));
const frames = [Buffer.from('same '.repeat(9_000)), noise(70_000), noise(1), Buffer.from('same '.repeat(9_000))];

describe('each frame', () => {
  test('is inflated on its own, as a whole', async () => {
    for (const frame of frames) {
      const deflated = await deflater.deflate(frame);
      // Without its last block this throws: unexpected end of file.
      expect(inflateRawSync(deflated).equals(frame)).toBe(true);
    }
  });

  test('becomes smaller if it can, and hardly larger', async () => {
    const lengths: number[] = [];
    for (const frame of frames) lengths.push((await deflater.deflate(frame)).length);
    expect(lengths[0]).toBeLessThan(1_000);
    expect(lengths[1]).toBeLessThan(70_100);
    expect(lengths[3]).toBe(lengths[0]);
  });
});

test('one that was closed says so', async () => {
  deflater.close();
  await expect(deflater.deflate(Buffer.from('a'))).rejects.toThrow();
});
