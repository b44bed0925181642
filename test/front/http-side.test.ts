import { once } from 'node:events';
import { type AddressInfo, connect, createServer, type Socket } from 'node:net';
import { Writable } from 'node:stream';
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import { HttpSide } from '../../src/server/http-side.ts';
import { until } from '../support/barrier.ts';

/* The stream that the HTTP server takes for a connection. */

const BIG = 8 * 1024 * 1024;

let server: ReturnType<typeof createServer>;
let client: Socket;
let side: HttpSide;
let mayGiveUp: boolean;
let isKept: boolean;
beforeEach(async () => {
  mayGiveUp = true;
  isKept = false;
  server = createServer({ allowHalfOpen: true }, (socket) => {
    side = new HttpSide(socket, { now: 0, giveUp: () => mayGiveUp, handOver: () => {}, keeps: () => isKept });
    socket.on('data', (piece) => side.receive(piece));
    socket.on('end', () => side.push(null));
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  client = connect((server.address() as AddressInfo).port, '127.0.0.1');
  await Promise.all([once(client, 'connect'), once(server, 'connection')]);
});
afterEach(() => {
  client.destroy();
  side.destroy();
  server.close();
});

test('gives a reader that takes its time everything, in order', async () => {
  let taken = 0;
  const slow = new Writable({
    highWaterMark: 1_024,
    write: (piece: Buffer, _encoding, done) => {
      expect(piece[0]).toBe(Math.floor(taken / 65_536) % 256);
      taken += piece.byteLength;
      setImmediate(done);
    },
  });
  side.pipe(slow);
  for (let i = 0; i < BIG / 65_536; i++) client.write(Buffer.alloc(65_536, i));
  client.end();
  await once(slow, 'finish');
  expect(taken).toBe(BIG);
});

test('holds no more of what is not read than a high-water mark and a piece', async () => {
  side.on('data', () => {});
  side.pause();
  client.write(Buffer.alloc(BIG));
  await until(() => side.socket.isPaused());
  expect(side.readableLength).toBeLessThanOrEqual(side.readableHighWaterMark + 65_536);
  side.resume();
  await until(() => side.bytesRead === BIG);
});

test('stays paused while the HTTP server has too many answers to write, whoever else resumes it', async () => {
  const seen: string[] = [];
  side.on('data', (piece: Buffer) => seen.push(piece.toString()));
  await once(side, 'resume');
  const server = side as { _paused?: boolean };
  server._paused = true;
  side.pause();
  side.receive(Buffer.from('a'));
  side.resume();
  side.receive(Buffer.from('b'));
  await new Promise((resolve) => setImmediate(resolve));
  expect(seen).toEqual([]);
  server._paused = false;
  side.resume();
  await until(() => seen.join('') === 'ab');
});

test('closes when what was written has been sent', async () => {
  const chunks: Buffer[] = [];
  client.on('data', (chunk: Buffer) => chunks.push(chunk));
  side.cork();
  side.write('head', 'latin1');
  side.write(Buffer.alloc(BIG));
  side.uncork();
  side.destroySoon();
  await once(client, 'end');
  expect(Buffer.concat(chunks).byteLength).toBe(4 + BIG);
  await until(() => side.socket.destroyed);
});

test('does not fail when its socket is closed while an answer waits', async () => {
  const errors: Error[] = [];
  side.on('error', (error) => errors.push(error));
  side.socket.write(Buffer.alloc(BIG));
  side.write('answer');
  side.write('another');
  side.socket.destroy();
  await once(side, 'close');
  expect(errors).toEqual([]);
});

describe('whoever takes the connection over', () => {
  test('has it when the HTTP server is done with it', async () => {
    const seen: string[] = [];
    client.on('data', (chunk: Buffer) => seen.push(chunk.toString()));
    const taken = side.takeOver();
    side.write('head ');
    side.end('');
    taken?.write('and more');
    side.destroySoon();
    await once(side, 'close');
    taken?.write(', later');
    await until(() => seen.join('') === 'head and more, later');
    expect(taken?.destroyed).toBe(false);
  });

  test.each([
    ['an answer has not been passed on', () => void side.write('answer')],
    ['what was received has not been read', () => void side.receive(Buffer.from('GET'))],
    ['the HTTP server has ended it', () => void side.end()],
    [
      'its owner needs it',
      () => {
        mayGiveUp = false;
      },
    ],
  ])('does not get it while %s', async (_, given) => {
    given();
    expect(side.takeOver()).toBeUndefined();
    side.destroy();
    expect(side.socket.destroyed).toBe(true);
  });
});

test('the empty text behind an answer that has been sent is no write of the socket', async () => {
  const write = vi.spyOn(side.socket, 'write');
  side.write('answer');
  await once(client, 'data');
  side.end('');
  await once(side, 'finish');
  expect(write.mock.calls.map(([chunk]) => String(chunk))).toEqual(['answer']);
});
