import { expect, test } from 'vitest';
import { flightKeyOf } from '../../src/exchange/read/look-up.ts';
import type { Read } from '../../src/exchange/read/read-ports.ts';
import { Fields } from '../../src/http/fields.ts';

function keyOf(key: string, credentials: boolean, vary?: readonly string[], lines: readonly string[] = []): string {
  const read: Pick<Read, 'key' | 'credentials' | 'request'> = {
    key,
    credentials,
    request: { headers: new Fields(lines) } as Read['request'],
  };
  return flightKeyOf(read, vary);
}

test('only requests for the same variant share a fill', () => {
  const keys = [
    keyOf('http://a\n/x\n', false),
    keyOf('http://a\n/x\n', true),
    keyOf('http://a\n/x\n', false, ['a'], ['A', 'credentials']),
    keyOf('http://a\n/x\n', true, ['a'], ['A', 'credentials']),
    keyOf('http://a\n/x\n', false, ['a'], ['A', '']),
    keyOf('http://a\n/x\n', false, ['a']),
    keyOf('http://a\n/x\n', false, ['a', 'b']),
    keyOf('http://a\n/x\n', false, ['a', 'b'], ['B', '1']),
    keyOf('http://a\n/x\n\ncredentials', false),
  ];
  expect(new Set(keys).size).toBe(keys.length);
});

test('a response that varies by nothing says no more than none', () => {
  for (const credentials of [false, true])
    expect(keyOf('key', credentials, [])).toBe(keyOf('key', credentials, undefined));
});
