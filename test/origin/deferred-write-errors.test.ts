import { once } from 'node:events';
import { Duplex } from 'node:stream';
import { describe, expect, it } from 'vitest';
import { deferWriteErrors } from '../../src/origin/deferred-write-errors.ts';
import { until } from '../support/barrier.ts';

const NEVER_MS = 60_000;

/** A socket whose writes fail with `code`. */
function failing(code: string, vectored = false, allowHalfOpen = false): Duplex {
  const error = Object.assign(new Error(code), { code });
  return new Duplex({
    allowHalfOpen,
    read() {},
    write: (_chunk, _encoding, done) => done(error),
    ...(vectored ? { writev: (_chunks: unknown, done: (error: Error) => void) => done(error) } : {}),
  });
}

describe('a write that fails because the other side has closed', () => {
  it.each([
    ['EPIPE', false],
    ['ECONNRESET', false],
    ['EPIPE', true],
  ])('%s (vectored: %s) leaves the socket to its reader, until the end', async (code, vectored) => {
    const socket = failing(code, vectored);
    deferWriteErrors(socket, NEVER_MS);
    socket.cork();
    socket.write('a');
    socket.write('b');
    socket.uncork();
    socket.push('the answer');
    await once(socket, 'readable');
    expect(String(socket.read())).toBe('the answer');
    expect(socket.destroyed).toBe(false);
    socket.push(null);
    socket.read();
    const [error] = await once(socket, 'error');
    expect(error).toMatchObject({ code });
  });

  it('destroys a socket whose reader comes to no end', async () => {
    const socket = failing('EPIPE');
    deferWriteErrors(socket, 1);
    socket.write('a');
    const [error] = await once(socket, 'error');
    expect(error).toMatchObject({ code: 'EPIPE' });
  });

  it('is over with a socket that is destroyed meanwhile', async () => {
    const socket = failing('EPIPE');
    deferWriteErrors(socket, NEVER_MS);
    socket.write('a');
    socket.destroy();
    await once(socket, 'close');
    await until(() => socket.listenerCount('end') === 0);
  });

  it('is an error at once where the reader has come to its end before', async () => {
    const socket = failing('EPIPE', false, true).on('error', () => {});
    deferWriteErrors(socket, NEVER_MS);
    socket.push(null);
    socket.resume();
    await once(socket, 'end');
    socket.write('a');
    expect(socket.errored).toMatchObject({ code: 'EPIPE' });
  });

  it('keeps nothing of a socket that was destroyed before', async () => {
    let fail: (error: Error) => void = () => {};
    const socket = new Duplex({
      read() {},
      write: (_chunk, _encoding, done) => {
        fail = done;
      },
    });
    deferWriteErrors(socket, NEVER_MS);
    socket.write('a');
    socket.destroy();
    await once(socket, 'close');
    fail(Object.assign(new Error('EPIPE'), { code: 'EPIPE' }));
    expect(socket.listenerCount('close')).toBe(0);
  });

  it('any other failure destroys the socket at once', () => {
    const socket = failing('EPROTO').on('error', () => {});
    deferWriteErrors(socket, NEVER_MS);
    socket.write('a');
    expect(socket.errored).toMatchObject({ code: 'EPROTO' });
  });
});
