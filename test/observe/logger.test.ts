import { describe, expect, test } from 'vitest';
import { credentialNames } from '../../src/http/credentials.ts';
import { createLogger } from '../../src/observe/logger.ts';

/* What never reaches the log, whoever logs it. */

const linesOf = (logged: object): string => {
  let text = '';
  const destination = {
    write: (line: string) => {
      text += line;
    },
  };
  createLogger('info', destination, credentialNames(['x-acme'])).info(logged, 'said');
  return text;
};

describe('is redacted', () => {
  test.each<[string, object]>([
    ['a field', { authorization: 'secret' }],
    ['in any letters', { 'X-API-Key': 'secret' }],
    ['a field of the configuration', { headers: { 'x-acme': 'secret' } }],
    ['in a list', { answers: [{ 'set-cookie': ['secret'] }] }],
    ['in an error', { err: Object.assign(new Error('failed'), { request: { headers: { cookie: 'secret' } } }) }],
  ])('%s', (_what, logged) => {
    const text = linesOf(logged);
    expect(text).toContain('[redacted]');
    expect(text).not.toContain('secret');
  });
});

test('what is logged stays as it was, and an error is told as one', () => {
  const err = Object.assign(new TypeError('failed'), { token: 'secret', code: 'E1' });
  const logged = JSON.parse(linesOf({ err, list: [1, { a: 'b' }] })) as Record<string, unknown>;
  expect(logged).toMatchObject({ list: [1, { a: 'b' }], err: { type: 'TypeError', message: 'failed', code: 'E1' } });
  expect(err.token).toBe('secret');
});
