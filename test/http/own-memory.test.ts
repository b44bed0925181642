import { expect, test } from 'vitest';
import { ownText, sharedText } from '../../src/http/own-memory.ts';
import { collectGarbage } from '../support/garbage.ts';

const LONG = 2 ** 18;
const COUNT = 8;

function heldBytes(): number {
  collectGarbage();
  return process.memoryUsage().heapUsed;
}

const numbered = (i: number, letter: string, length: number): string => `${i}`.padEnd(length, letter);

// V8 copies a cut of fewer than 13 characters. A longer one keeps the text that it was cut from.
const lengths = [12, 13, 63, 64, 1_024, 1_025];
const rows = [ownText, sharedText].flatMap((own) => ['ÿ', '→'].map((letter) => [own.name, letter, own] as const));

test.each(rows)('%s of a text of %s does not keep the text that it is cut from', (_name, letter, own) => {
  const cut = (i: number, length: number): string => own(numbered(i, letter, LONG).slice(0, length));
  for (const length of lengths) cut(COUNT, length);
  const before = heldBytes();
  const kept = lengths.map((length) => Array.from({ length: COUNT }, (_, i) => cut(i, length)));
  // Less than a single length would keep.
  expect(heldBytes() - before).toBeLessThan((COUNT * LONG) / 4);
  for (const [at, length] of lengths.entries()) {
    expect(kept[at]).toEqual(Array.from({ length: COUNT }, (_, i) => numbered(i, letter, length)));
  }
});
