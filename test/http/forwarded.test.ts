import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { Fields } from '../../src/http/fields.ts';
import { clientView, forwardingLines, parseForwarded } from '../../src/http/forwarded.ts';

const received = { peer: '10.0.0.9', trusted: true, scheme: 'http', host: 'inner.test' } as const;
const sent = (lines: string[], overrides: Partial<Parameters<typeof clientView>[1]> = {}): Fields =>
  new Fields(forwardingLines(lines, { ...received, ...overrides }));

describe('RFC 7239 §4: the elements of Forwarded', () => {
  test.each<[string | undefined, Record<string, string>[] | undefined]>([
    [undefined, undefined],
    ['', undefined],
    ['for=1.2.3.4', [{ for: '1.2.3.4' }]],
    [
      'For="[2001:db8::1]:80";proto=https, for=_x ; by=y',
      [
        { for: '[2001:db8::1]:80', proto: 'https' },
        { for: '_x', by: 'y' },
      ],
    ],
    ['host="a,b;c"', [{ host: 'a,b;c' }]],
    ['for=1.2.3.4;for=5.6.7.8', undefined],
    ['for', undefined],
    ['for=', undefined],
    ['=x', undefined],
    ['for=[2001:db8::1]', undefined],
    ['for=a b', undefined],
  ])('%s', (value, elements) => {
    expect(parseForwarded(value)?.map((element) => Object.fromEntries(element))).toEqual(elements);
  });
});

describe('the client and what it asked for', () => {
  const seen = { address: '10.0.0.9', scheme: 'http', host: 'inner.test' };
  test.each<[string, string[], object]>([
    ['nothing said: what is seen', [], seen],
    [
      'X-Forwarded-*',
      ['X-Forwarded-For', '1.2.3.4', 'X-Forwarded-Proto', 'HTTPS', 'X-Forwarded-Host', 'Outer.test:444'],
      { address: '1.2.3.4', scheme: 'https', host: 'outer.test:444' },
    ],
    [
      'Forwarded',
      ['Forwarded', 'for="[2001:db8::1]:4711";proto=https;host="outer.test"'],
      { address: '2001:db8::1', scheme: 'https', host: 'outer.test' },
    ],
    [
      'Forwarded before X-Forwarded-*',
      ['Forwarded', 'for=1.1.1.1', 'X-Forwarded-For', '2.2.2.2'],
      { ...seen, address: '1.1.1.1' },
    ],
    [
      'what the trusted peer wrote itself, not what a client put before it',
      ['X-Forwarded-For', '6.6.6.6, 1.2.3.4', 'X-Forwarded-Host', 'evil.test, outer.test'],
      { ...seen, address: '1.2.3.4', host: 'outer.test' },
    ],
    [
      'of Forwarded too',
      ['Forwarded', 'for=6.6.6.6;host=evil.test, for=1.2.3.4;host=outer.test'],
      { ...seen, address: '1.2.3.4', host: 'outer.test' },
    ],
    ['no scheme that is none', ['X-Forwarded-Proto', 'javascript'], seen],
    ['no host that is none', ['X-Forwarded-Host', 'a/b?c'], seen],
    ['no host with user information', ['X-Forwarded-Host', 'a@b'], seen],
    ['no address that is none', ['Forwarded', 'for=_hidden'], { ...seen, address: '' }],
    ['a port taken off', ['X-Forwarded-For', '1.2.3.4:5678'], { ...seen, address: '1.2.3.4' }],
    [
      'an illegible Forwarded is none',
      ['Forwarded', 'for', 'X-Forwarded-For', '1.2.3.4'],
      { ...seen, address: '1.2.3.4' },
    ],
  ])('%s', (_, lines, view) => {
    expect(clientView(lines, received)).toEqual(view);
    expect(clientView(lines, { ...received, trusted: false })).toEqual(seen);
  });

  test.each([
    ['::ffff:10.0.0.9', '10.0.0.9'],
    ['fe80::1%eth0', 'fe80::1'],
    ['2001:db8::ffff', '2001:db8::ffff'],
    ['', ''],
  ])('a peer %j is %j', (peer, address) => {
    expect(clientView([], { ...received, peer }).address).toBe(address);
  });
});

describe('the chain', () => {
  test.each<[string, string[], string, string]>([
    ['begins with the peer', [], '10.0.0.9', 'for=10.0.0.9;host=inner.test;proto=http'],
    [
      'is continued in both notations',
      ['X-Forwarded-For', '1.1.1.1', 'Forwarded', 'for=1.1.1.1;secret=x'],
      '1.1.1.1, 10.0.0.9',
      'for=1.1.1.1;secret=x, for=10.0.0.9;host=inner.test;proto=http',
    ],
    [
      'is made up from X-Forwarded-For',
      ['X-Forwarded-For', '1.1.1.1, 2001:db8::1', 'X-Forwarded-For', 'x y'],
      '1.1.1.1, 2001:db8::1, x y, 10.0.0.9',
      'for=1.1.1.1, for="[2001:db8::1]", for="x y", for=10.0.0.9;host=inner.test;proto=http',
    ],
    [
      'is made up from Forwarded',
      ['Forwarded', 'for="[2001:db8::1]:1";by=x, by=y'],
      '2001:db8::1, unknown, 10.0.0.9',
      'for="[2001:db8::1]:1";by=x, by=y, for=10.0.0.9;host=inner.test;proto=http',
    ],
    [
      'does not continue what is illegible',
      ['Forwarded', 'for="1.1.1.1'],
      '10.0.0.9',
      'for=10.0.0.9;host=inner.test;proto=http',
    ],
  ])('%s', (_, lines, xForwardedFor, forwarded) => {
    expect(sent(lines).get('x-forwarded-for')).toBe(xForwardedFor);
    expect(sent(lines).get('forwarded')).toBe(forwarded);
    expect(sent(lines, { trusted: false }).get('x-forwarded-for')).toBe('10.0.0.9');
    expect(sent(lines, { trusted: false }).get('forwarded')).toBe('for=10.0.0.9;host=inner.test;proto=http');
  });

  test.each([
    ['2001:db8::1', '2001:db8::1', 'for="[2001:db8::1]";host=inner.test;proto=http'],
    ['', 'unknown', 'for=unknown;host=inner.test;proto=http'],
  ])('with a peer %j', (peer, xForwardedFor, forwarded) => {
    expect(sent([], { peer }).get('x-forwarded-for')).toBe(xForwardedFor);
    expect(sent([], { peer }).get('forwarded')).toBe(forwarded);
  });

  test('whatever a client sends, the origin is told what is seen', () => {
    const name = fc.constantFrom('Forwarded', 'X-Forwarded-For', 'X-Forwarded-Host', 'X-Forwarded-Proto');
    const lines = fc.array(fc.tuple(name, fc.string())).map((all) => all.flat());
    fc.assert(
      fc.property(lines, (forged) => {
        expect(forwardingLines(forged, { ...received, trusted: false })).toEqual(
          forwardingLines([], { ...received, trusted: false }),
        );
        // A trusted proxy's are never a reason to fail, and what is sent on can be read.
        expect(parseForwarded(sent(forged).get('forwarded'))?.at(-1)?.get('for')).toBe('10.0.0.9');
      }),
    );
  });
});
