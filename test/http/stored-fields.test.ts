import { describe, expect, test } from 'vitest';
import { parseCacheControl } from '../../src/http/cache-control.ts';
import { storedFields } from '../../src/http/stored-fields.ts';

const stored = (lines: string[], setCookie: 'bypass' | 'store' | 'strip' = 'bypass'): string[] => {
  const at = lines.indexOf('Cache-Control');
  return storedFields(lines, parseCacheControl(at < 0 ? undefined : lines[at + 1]), setCookie);
};

describe('RFC 9111 §3.1: the fields that are stored', () => {
  test('are all end-to-end ones, as they came', () => {
    const lines = ['Content-Type', 'text/plain', 'X-Test', '1', 'x-test', '2', 'Set-Cookie', 'a=b', 'Set-Cookie2', 'c'];
    expect(stored(lines)).toEqual(lines);
  });

  test.each([
    'Connection',
    'Keep-Alive',
    'Proxy-Authenticate',
    'Proxy-Authentication-Info',
    'Proxy-Authorization',
    'Proxy-Connection',
    'TE',
    'Trailer',
    'Transfer-Encoding',
    'Upgrade',
  ])('without %s', (name) => {
    expect(stored([name, 'x', 'Etag', '"a"'])).toEqual(['Etag', '"a"']);
  });

  test('without what Connection lists', () => {
    expect(stored(['Connection', 'a, b', 'A', '1', 'b', '2', 'c', '3'])).toEqual(['c', '3']);
  });

  test.each(['no-cache', 'private'])('without what %s names (§5.2.2.4, §5.2.2.7)', (name) => {
    const control = ['Cache-Control', `max-age=9, ${name}="a, Set-Cookie"`];
    expect(stored([...control, 'A', '1', 'set-cookie', 'x', 'b', '2'])).toEqual([...control, 'b', '2']);
  });

  test('without cookies where the route strips them', () => {
    expect(stored(['Set-Cookie', 'a', 'set-cookie', 'b', 'Set-Cookie2', 'c', 'D', '1'], 'strip')).toEqual(['D', '1']);
    expect(stored(['Set-Cookie', 'a'], 'store')).toEqual(['Set-Cookie', 'a']);
  });
});
