import { expect, test } from 'vitest';
import { RequestCounter } from '../../demo/api/request-counter.ts';

test('what was not asked for longest is forgotten first', () => {
  const counter = new RequestCounter(2);
  for (const path of ['/a', '/b', '/a', '/c']) counter.add('GET', path);
  expect(['/a', '/b', '/c'].map((path) => counter.count('GET', path))).toEqual([2, 0, 1]);
});
