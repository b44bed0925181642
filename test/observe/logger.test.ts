import { describe, expect, test } from 'vitest';
import { OriginError } from '../../src/errors.ts';
import { createLogger } from '../../src/observe/logger.ts';

function logged(member: unknown): Record<string, unknown> {
  const lines: string[] = [];
  createLogger('info', { write: (line) => void lines.push(line) }).warn({ err: member }, 'failed');
  return JSON.parse(lines[0] ?? '') as Record<string, unknown>;
}

describe('of an error, a line shows', () => {
  const secret = 'Bearer abc';
  const asOfLibraries = Object.assign(new Error('no answer'), {
    code: 'ECONNRESET',
    headers: { authorization: secret },
    command: { name: 'auth', args: [secret] },
  });

  test('its type, message, code and stack', () => {
    expect(logged(asOfLibraries).err).toEqual({
      type: 'Error',
      message: 'no answer',
      code: 'ECONNRESET',
      stack: expect.stringContaining('logger.test.ts') as unknown,
    });
  });

  test('no stack if it is what an origin did', () => {
    const cause = Object.assign(new Error('connect ECONNREFUSED'), { code: 'ECONNREFUSED' });
    expect(logged(new OriginError('originRefused', { sent: false, cause })).err).toEqual({
      type: 'OriginError',
      message: 'The origin cannot be reached: connect ECONNREFUSED',
      code: 'originRefused',
    });
  });

  test('nothing else that a library left there', () => {
    expect(JSON.stringify(logged(asOfLibraries))).not.toContain(secret);
  });

  test('the messages of its causes, and none of their other members', () => {
    const line = logged(new Error('the request failed', { cause: asOfLibraries }));
    expect(line.err).toMatchObject({ message: 'the request failed: no answer' });
    expect(JSON.stringify(line)).not.toContain(secret);
  });

  test('a thrown value as text', () => {
    expect(logged('broken').err).toBe('broken');
  });
});

test('lines go to standard output where no other destination is given', () => {
  // pino checks the sizes of batches when it opens it.
  expect(() => createLogger('silent')).not.toThrow();
});
