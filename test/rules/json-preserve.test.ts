import { describe, expect, it } from 'vitest';
import { touchingOperations } from '../../src/rules/json-preserve.ts';

/* Which operations of a JSON Patch may change a preserved member. */

const remove = (path: string) => ({ op: 'remove', path });

describe('an operation on', () => {
  it.each([
    ['a preserved member', '/createdAt', true],
    ['what is below it', '/createdAt/year', true],
    ['what holds one', '/stats', true],
    ['the whole', '', true],
    ['a member beside one', '/stats/likes', false],
    ['a member of that name elsewhere', '/other/createdAt', false],
    ['a name that begins like it', '/created', false],
    ['an element of a list in its place', '/stats/0', false],
    ['both of two names that differ by letter case', '/STATS/VIEWS/x', true],
  ])('%s', (_, path, touches) => {
    const paths = [['createdAt'], ['stats', 'views'], ['Stats', 'Views', 'x']];
    expect(touchingOperations([remove(path)], paths)).toEqual(touches ? [0] : []);
  });
});

it('the preserved members are read once, however many operations there are', () => {
  const readsWith = (operations: number): number => {
    let reads = 0;
    const counted = new Proxy(['stats', 'views'], {
      get: (names, key, receiver): unknown => {
        reads += 1;
        return Reflect.get(names, key, receiver);
      },
    });
    touchingOperations(Array(operations).fill(remove('/stats/likes')), [counted]);
    return reads;
  };
  expect(readsWith(1000)).toBe(readsWith(1));
});
