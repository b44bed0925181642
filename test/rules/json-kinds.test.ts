import { describe, expect, test } from 'vitest';
import { fits } from '../../src/rules/json-kinds.ts';

/* Whether one representation may stand where another does. */

const rows: [unknown, unknown, boolean][] = [
  [{ id: 1, n: 'a' }, { n: 'b', id: 2 }, true],
  [{ id: 1 }, { id: 2, n: 'b' }, false],
  [{ id: 1, n: 'a' }, { id: 2 }, false],
  [{ id: '42' }, { id: 42 }, false],
  [{ a: true }, { a: 'true' }, false],
  [{ rooms: [1] }, { rooms: [{ id: 1, beds: 2 }] }, false],
  [{ rooms: [{ id: 1, beds: 2 }] }, { rooms: [1] }, false],
  [{ rooms: [{ id: 1 }] }, { rooms: [{ id: 1 }, { id: 2, beds: 2 }] }, false],
  [{ rooms: [null, { id: 1 }] }, { rooms: [{ id: 2 }, null] }, true],
  [{ rooms: [] }, { rooms: [{ id: 1 }] }, true],
  [{ rooms: [{ id: 1 }] }, { rooms: [] }, true],
  [{ rooms: [1] }, { rooms: { 0: 1 } }, false],
  [{ rooms: { 0: 1 } }, { rooms: [1] }, false],
  [{ in: { id: 1 } }, { in: { id: 1, n: 'a' } }, false],
  [{ in: { id: 1 } }, { in: 1 }, false],
  [{ in: 1 }, { in: { id: 1 } }, false],
  [{ in: null }, { in: { id: 1 } }, true],
  [{ in: { id: 1 } }, { in: null }, true],
];
test.each(rows)('%j and %j: %s', (was, is, expected) => {
  expect(fits(was, is, 'same')).toBe(expected);
});

describe('of what both name', () => {
  const shared: [unknown, unknown, boolean][] = [
    [{ id: 1 }, { id: 2, n: 'b' }, true],
    [{ id: 1, in: { a: 1 } }, { id: 2, in: { b: 1 } }, true],
    [{ id: 1, in: { a: 1 } }, { n: 'b', in: { a: '1' } }, false],
    // What every object inherits is no member.
    [{ id: 1 }, { id: 1, toString: 'x' }, true],
  ];
  test.each(shared)('%j and %j: %s', (was, is, expected) => {
    expect(fits(was, is, 'shared')).toBe(expected);
  });
});
