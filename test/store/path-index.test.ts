import { expect, test } from 'vitest';
import { PathIndex } from '../../src/store/path-index.ts';
import { collectGarbage } from '../support/garbage.ts';

interface Named {
  readonly path: string;
}

const namesOf = (found: readonly Named[]): string[] => found.map(({ path }) => path).sort();

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
  const index = new PathIndex<Named>();
  for (const path of paths) index.add(path, { path });
  expect(namesOf(index.matching(pattern))).toEqual(expected);
});

test('all that is stored at a path is found, whatever is above and below it', () => {
  const index = new PathIndex<Named>();
  const several = ['a', 'b', 'c'].map((name) => ({ path: name }));
  for (const path of paths) for (const each of several) index.add(path, each);
  for (const path of paths) expect(index.get(path)).toEqual(new Set(several));
  expect(index.matching('/steps/*')).toHaveLength(2 * several.length);
  expect(index.get('/step')).toBeUndefined();
  expect(index.get('/steps/7/thumbnail/1')).toBeUndefined();
  for (const path of paths) for (const each of several) index.delete(path, each);
  for (const path of paths) expect(index.get(path)).toBeUndefined();
});

test('a path that has one is told from one that has several', () => {
  const index = new PathIndex<Named>();
  const [one, other] = [{ path: 'one' }, { path: 'other' }];
  for (const path of paths) index.add(path, one);
  for (const path of paths) index.add(path, one);
  for (const path of paths) expect(index.get(path)).toBe(one);
  index.add('/steps/7', other);
  index.delete('/steps/7', one);
  expect(index.get('/steps/7')).toEqual(new Set([other]));
});

test('what is removed is gone, what lies below it stays', () => {
  const index = new PathIndex<Named>();
  const all = paths.map((path) => ({ path }));
  for (const each of all) index.add(each.path, each);
  index.delete('/steps/7', all[2] as Named);
  index.delete('/steps/8', { path: 'another' });
  index.delete('/not/there', { path: '/not/there' });
  expect(namesOf(index.matching('/steps/**'))).toEqual(['/steps', '/steps/7/thumbnail', '/steps/8']);
  for (const each of all) index.delete(each.path, each);
  expect(index.matching('/**')).toEqual([]);
});

test('paths that are gone leave nothing', () => {
  const index = new PathIndex<Named>();
  const held = { path: '' };
  collectGarbage();
  const before = process.memoryUsage().heapUsed;
  for (let i = 0; i < 100_000; i++) {
    index.add(`/a/${i}/b/c`, held);
    index.delete(`/a/${i}/b/c`, held);
  }
  collectGarbage();
  // A node with its map takes more than 100 bytes.
  expect(process.memoryUsage().heapUsed - before).toBeLessThan(5_000_000);
  expect(index.get('/a/1/b/c')).toBeUndefined();
});

test('a path that is gone is not kept by what was cut from it', () => {
  const index = new PathIndex<Named>();
  const held = { path: '' };
  collectGarbage();
  const before = process.memoryUsage().heapUsed;
  for (let i = 0; i < 2_000; i++) {
    const long = Buffer.from(`/a-long-name-of-a-collection-${i}/${'x'.repeat(10_000)}`).toString();
    index.add(long, held);
    index.add(Buffer.from(`/a-long-name-of-a-collection-${i}/1`).toString(), held);
    index.delete(long, held);
  }
  collectGarbage();
  // Far more than 2,000 short paths, and far less than 2,000 long ones.
  expect(process.memoryUsage().heapUsed - before).toBeLessThan(8_000_000);
  expect(index.matching('/**')).toHaveLength(2_000);
});

test('what is added tells what was there before', () => {
  const index = new PathIndex<Named>();
  const [one, other, third] = [{ path: 'one' }, { path: 'other' }, { path: 'third' }];
  for (const path of paths) {
    expect(index.add(path, one)).toBeUndefined();
    expect(index.add(path, one)).toBe(one);
    expect(index.add(path, other)).toBe(one);
    expect(index.add(path, third)).toEqual(new Set([one, other, third]));
  }
});
