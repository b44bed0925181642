import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { expect, test } from 'vitest';
import { PathIndex } from '../../src/store/path-index.ts';

const paths = ['/', '/steps', '/steps/7', '/steps/8', '/steps/7/thumbnail', '/trips/3'];

test.each([
  ['/steps/7', ['/steps/7']],
  ['/steps/*', ['/steps/7', '/steps/8']],
  ['/*', ['/steps']],
  ['/steps/**', ['/steps', '/steps/7', '/steps/7/thumbnail', '/steps/8']],
  ['/**', [...paths].sort()],
  ['/*/*/thumbnail', ['/steps/7/thumbnail']],
  ['/nothing/*', []],
])('%s finds %j', (pattern, expected) => {
  const index = new PathIndex();
  for (const path of paths) index.add(path);
  expect(index.matching(pattern).sort()).toEqual(expected);
});

test('what is removed is gone, what lies below it stays', () => {
  const index = new PathIndex();
  for (const path of paths) index.add(path);
  index.remove('/steps/7');
  index.remove('/not/there');
  expect(index.matching('/steps/**').sort()).toEqual(['/steps', '/steps/7/thumbnail', '/steps/8']);
  for (const path of paths) index.remove(path);
  expect(index.matching('/**')).toEqual([]);
});

setFlagsFromString('--expose-gc');
const collectGarbage = runInNewContext('gc') as () => void;

test('a path that is gone is not kept by what was cut from it', () => {
  const index = new PathIndex();
  collectGarbage();
  const before = process.memoryUsage().heapUsed;
  for (let i = 0; i < 2_000; i++) {
    const long = Buffer.from(`/a-long-name-of-a-collection-${i}/${'x'.repeat(10_000)}`).toString();
    index.add(long);
    index.add(Buffer.from(`/a-long-name-of-a-collection-${i}/1`).toString());
    index.remove(long);
  }
  collectGarbage();
  // Far more than 2,000 short paths, and far less than 2,000 long ones.
  expect(process.memoryUsage().heapUsed - before).toBeLessThan(8_000_000);
  expect(index.matching('/**')).toHaveLength(2_000);
});
