import { describe, expect, test } from 'vitest';
import { parseArguments } from '../../demo/player/arguments.ts';

describe('where the demo listens', () => {
  test.each<[string, string[], NodeJS.ProcessEnv, [string, string, number]]>([
    ['the ports of the documentation', [], {}, ['127.0.0.1:8080', '127.0.0.1:9090', 4000]],
    [
      'ports that are given',
      ['--port', '1', '--admin-port=2', '--api-port', '0'],
      {},
      ['127.0.0.1:1', '127.0.0.1:2', 0],
    ],
    [
      'the variables of the configuration',
      [],
      { UNSTALE_LISTEN: '0.0.0.0:81', UNSTALE_ADMIN_LISTEN: '[::1]:82' },
      ['0.0.0.0:81', '[::1]:82', 4000],
    ],
    [
      'an option before its variable',
      ['--port', '1'],
      { UNSTALE_LISTEN: ':81' },
      ['127.0.0.1:1', '127.0.0.1:9090', 4000],
    ],
    ['an empty variable as none', [], { UNSTALE_LISTEN: '' }, ['127.0.0.1:8080', '127.0.0.1:9090', 4000]],
  ])('%s', (_, argv, env, expected) => {
    const { gateway, admin, apiPort } = parseArguments(argv, env);
    expect([gateway.address, admin.address, apiPort]).toEqual(expected);
  });

  test.each([
    [':81', '', 81],
    ['[::1]:82', '::1', 82],
    ['localhost:83', 'localhost', 83],
  ])('%s is taken apart', (address, host, port) => {
    expect(parseArguments([], { UNSTALE_LISTEN: address }).gateway).toEqual({ address, host, port });
  });
});

test('it stays up unless it is to play once', () => {
  expect(parseArguments([], {}).once).toBe(false);
  expect(parseArguments(['--once'], {}).once).toBe(true);
});

test.each<[string[], NodeJS.ProcessEnv, RegExp]>([
  [['--port', '8080x'], {}, /^--port must .*"8080x"$/],
  [['--port', '65536'], {}, /^--port must .*65535.*"65536"$/],
  [['--api-port', ''], {}, /^--api-port must/],
  [[], { UNSTALE_LISTEN: 'localhost' }, /^UNSTALE_LISTEN must be like 127\.0\.0\.1:8080, not "localhost"$/],
  [[], { UNSTALE_ADMIN_LISTEN: '127.0.0.1:99999' }, /^UNSTALE_ADMIN_LISTEN must .*"99999"$/],
  [['--prot', '8081'], {}, /--prot/],
  [['8081'], {}, /8081/],
])('%j with %j is refused, and named', (argv, env, message) => {
  expect(() => parseArguments(argv, env)).toThrow(message);
});
