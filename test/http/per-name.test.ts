import { expect, test } from 'vitest';
import { PerName } from '../../src/http/per-name.ts';

test('what is known by a name is worked out once for each spelling', () => {
  const asked: string[] = [];
  const known = new PerName((name) => asked.push(name));
  for (const name of ['Accept', 'accept', 'Accept', 'x'.repeat(65), 'x'.repeat(65)]) known.of(name);
  expect(asked).toEqual(['accept', 'accept', 'x'.repeat(65), 'x'.repeat(65)]);
});

test('other names than the usual ones do not fill the memory', () => {
  let worked = 0;
  const known = new PerName(() => ++worked);
  for (let i = 0; i < 1_001; i++) known.of(`x-${i}`);
  // The first was forgotten with all others.
  expect(known.of('x-0')).toBe(1_002);
  expect(known.of('x-1000')).toBe(1_001);
});
