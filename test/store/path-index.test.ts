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
