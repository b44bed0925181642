import { describe, expect, it } from 'vitest';
import { isLoopback, parseAddress, parseNetwork, parseOriginUrl, parseRedisUrl } from '../../src/config/address.ts';
import { ValueError } from '../../src/config/value-error.ts';

describe('listen addresses', () => {
  it.each([
    ['127.0.0.1:8080', '127.0.0.1', 8080],
    ['8080', '127.0.0.1', 8080],
    ['localhost:8080', 'localhost', 8080],
    ['gateway-1.internal:80', 'gateway-1.internal', 80],
    ['[::]:8080', '::', 8080],
    ['[::1]:65535', '::1', 65535],
    // Every interface: dual-stack, so IPv4 too.
    [':8080', '::', 8080],
    ['127.0.0.1:0', '127.0.0.1', 0],
  ])('%s', (text, host, port) => expect(parseAddress(text)).toEqual({ host, port }));

  it.each([
    ['127.0.0.1', '"127.0.0.1" is not an address and a port', /^write 127/],
    ['::1:8080', '"::1:8080" is not an address and a port', /\[::1\]:8080/],
    ['[localhost]:80', '"localhost" is not an IPv6 address', /^write/],
    ['127.0.0.1:65536', 'the port 65536 does not exist', 'ports go from 0 to 65535'],
    ['127.0.0.300:80', '"127.0.0.300" is not a host', /^write/],
    ['http://x:80', '"http://x:80" is not an address and a port', /^write/],
    ['-x:80', '"-x" is not a host', /^write/],
    ['', '"" is not an address and a port', /^write/],
  ])('%j is none', (text, message, hint) => {
    expect(() => parseAddress(text)).toThrow(
      expect.objectContaining({ message, hint: typeof hint === 'string' ? hint : expect.stringMatching(hint) }),
    );
  });
});

it.each([
  ['127.0.0.1', true],
  ['127.9.9.9', true],
  ['::1', true],
  ['0:0:0:0:0:0:0:1', true],
  ['0000::0001', true],
  ['::ffff:127.0.0.1', true],
  ['LocalHost', true],
  ['::', false],
  ['0.0.0.0', false],
  ['128.0.0.1', false],
  ['::ffff:10.0.0.1', false],
  ['::1:1', false],
  ['fe80::1', false],
  ['127.0.0.1.example', false],
  ['localhost.example', false],
])('only this machine reaches %s: %s', (host, expected) => expect(isLoopback(host)).toBe(expected));

describe('networks', () => {
  it.each(['10.1.2.3', '10.0.0.0/8', '0.0.0.0/0', '::1', 'fd00::/8', 'fd00::/128'])('%s', (text) =>
    expect(parseNetwork(text)).toBe(text),
  );
  it.each(['10.0.0', '10.0.0.0/33', '10.0.0.0/', '10.0.0.0/8/8', 'fd00::/129', 'proxy.example', '10.0.0.0/-1', ''])(
    '%j is none',
    (text) => expect(() => parseNetwork(text)).toThrow(ValueError),
  );
});

describe('URLs of origins', () => {
  it.each([
    ['http://127.0.0.1:4000', 'http://127.0.0.1:4000'],
    ['http://127.0.0.1:4000/', 'http://127.0.0.1:4000'],
    ['https://api.example:443/base/', 'https://api.example/base'],
    ['HTTP://[::1]:80/v1', 'http://[::1]/v1'],
  ])('%s', (text, url) => expect(parseOriginUrl(text)).toBe(url));

  it.each([
    ['127.0.0.1:4000', 'this is not an http or https URL'],
    ['/api', 'this is not an http or https URL'],
    ['ftp://x', 'this is not an http or https URL'],
    ['http://user:secret@x', 'an origin URL cannot have credentials'],
    ['http://x/?', 'an origin URL cannot have a query or a fragment'],
    ['http://x/a?b=c', 'an origin URL cannot have a query or a fragment'],
    ['http://x/#y', 'an origin URL cannot have a query or a fragment'],
  ])('%s is none, and the message does not repeat it', (text, message) => {
    expect(() => parseOriginUrl(text)).toThrow(expect.objectContaining({ message }));
  });
});

it('takes URLs of a Redis', () => {
  expect(parseRedisUrl('rediss://cache.example:6380/1')).toBe('rediss://cache.example:6380/1');
  for (const text of ['http://x', 'cache:6379', '']) expect(() => parseRedisUrl(text)).toThrow(ValueError);
});
