import { expect, test } from 'vitest';
import { hintIn } from '../../src/client/event.ts';

test.each([
  ['a time', '{"refetchWithinMs":2000}', { refetchWithinMs: 2_000 }],
  ['no time', '{}', {}],
  ['text in its place', '{"refetchWithinMs":"2s"}', {}],
  ['no object', 'null', {}],
  ['no JSON', 'soon', {}],
])('the hint of a resync: %s', (_, data, hint) => {
  expect(hintIn(data)).toEqual(hint);
});
