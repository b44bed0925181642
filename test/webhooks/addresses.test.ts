import { isIP } from 'node:net';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { AddressPolicy } from '../../src/webhooks/addresses.ts';

const policy = new AddressPolicy([]);

describe('an address that is not public is refused', () => {
  test.each([
    ['0.0.0.0', 'unspecified'],
    ['0.1.2.3', 'unspecified'],
    ['10.1.2.3', 'private'],
    ['100.100.100.200', 'carrierGradeNat'],
    ['127.0.0.1', 'loopback'],
    ['127.255.255.254', 'loopback'],
    ['168.63.129.16', 'metadata'],
    ['169.254.169.254', 'linkLocal'],
    ['172.16.0.1', 'private'],
    ['192.0.0.192', 'reserved'],
    ['192.168.1.1', 'private'],
    ['198.18.0.1', 'reserved'],
    ['203.0.113.7', 'reserved'],
    ['224.0.0.1', 'multicast'],
    ['240.0.0.1', 'reserved'],
    ['255.255.255.255', 'broadcast'],
    ['::', 'unspecified'],
    ['::1', 'loopback'],
    ['::127.0.0.1', 'loopback'],
    ['::ffff:127.0.0.1', 'loopback'],
    ['::ffff:7f00:1', 'loopback'],
    ['::ffff:169.254.169.254', 'linkLocal'],
    ['::ffff:0:127.0.0.1', 'rfc6145'],
    ['64:ff9b::127.0.0.1', 'loopback'],
    ['64:ff9b::a9fe:a9fe', 'linkLocal'],
    ['64:ff9b:1::7f00:1', 'rfc6052'],
    ['2002:7f00:1::', '6to4'],
    ['2002:a9fe:a9fe::1', '6to4'],
    ['2001:0:7f00:1::', 'teredo'],
    ['2001:db8::1', 'reserved'],
    ['fc00::1', 'uniqueLocal'],
    ['fd00:ec2::254', 'uniqueLocal'],
    ['fe80::1', 'linkLocal'],
    ['fe80::1%lo', 'linkLocal'],
    ['fec0::1', 'deprecatedSiteLocal'],
    ['ff02::1', 'multicast'],
    ['4000::1', 'reserved'],
    ['localhost', 'not an address'],
    ['127.1', 'not an address'],
    ['2130706433', 'not an address'],
    ['0x7f.1', 'not an address'],
    ['', 'not an address'],
  ])('%s: %s', (address, kind) => {
    expect(policy.refusal(address)).toBe(kind);
  });
});

test.each(['8.8.8.8', '1.1.1.1', '172.32.0.1', '2606:4700::1111', '::ffff:8.8.8.8', '64:ff9b::8.8.8.8'])(
  '%s is public',
  (address) => {
    expect(policy.refusal(address)).toBeUndefined();
  },
);

describe('what the configuration allows', () => {
  const allowing = new AddressPolicy(['10.20.0.0/16', '127.0.0.1', 'fd00::/8']);
  test.each(['10.20.3.4', '127.0.0.1', '::ffff:10.20.3.4', '64:ff9b::10.20.3.4', 'fd12::1'])('%s', (address) => {
    expect(allowing.refusal(address)).toBeUndefined();
  });
  test.each(['10.21.0.1', '127.0.0.2', '::1', 'fc00::1', '169.254.169.254'])('does not extend to %s', (address) => {
    expect(allowing.refusal(address)).toBeDefined();
  });
});

test('no text makes it throw', () => {
  fc.assert(
    fc.property(fc.oneof(fc.string(), fc.ipV4(), fc.ipV6()), (text) => {
      if (isIP(text) === 0) expect(policy.refusal(text)).toBe('not an address');
      else policy.refusal(text);
    }),
  );
});
