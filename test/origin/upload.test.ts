import { once } from 'node:events';
import type { Socket } from 'node:net';
import { PassThrough, Readable } from 'node:stream';
import { describe, expect, it } from 'vitest';
import { OriginError } from '../../src/errors.ts';
import { gate, standstill, until } from '../support/barrier.ts';
import { clientOf, failureOf, get, raw, scripted, textOf } from './origin-under-test.ts';

const CHUNK = Buffer.alloc(64 * 1024, 'x');

function post(body: Readable, headers: string[] = []) {
  return get('/upload', { method: 'POST', headers: ['Host', 'client.example', ...headers], body });
}

/** `chunks` chunks, as fast as they are taken. `taken` tells how many were. */
function endless(chunks: number): { source: Readable; taken: () => number } {
  let taken = 0;
  const source = new Readable({
    read() {
      if (taken === chunks) this.push(null);
      else {
        taken += 1;
        this.push(CHUNK);
      }
    },
  });
  return { source, taken: () => taken };
}

describe('a request body that is streamed', () => {
  it.each([
    ['chunked', [], 'transfer-encoding'],
    ['by its length', ['Content-Length', '9'], 'content-length'],
  ])('is framed %s', async (_name, headers, framing) => {
    const origin = await scripted();
    origin.on('POST /upload', (_request, response) => void response.end('ok'));
    const source = new PassThrough();
    const answer = clientOf(origin.url).fetch(post(source, headers));
    source.write('one');
    await until(() => origin.seen.length === 1);
    source.write('two');
    source.end('end');
    expect(await textOf((await answer).body)).toBe('ok');
    expect(origin.seen[0]?.body.toString()).toBe('onetwoend');
    expect(origin.seen[0]?.rawHeaders.map((name) => name.toLowerCase())).toContain(framing);
  });

  it.each([
    ['empty', () => Readable.from([])],
    [
      'read to its end before',
      async () => {
        const source = Readable.from([Buffer.from('x')], { objectMode: false });
        await textOf(source);
        return source;
      },
    ],
  ])('may be empty: %s', async (_name, source) => {
    const origin = await scripted();
    origin.on('POST /upload', (_request, response) => void response.end('ok'));
    const answer = await clientOf(origin.url).fetch(post(await source()));
    expect(await textOf(answer.body)).toBe('ok');
    expect(origin.seen[0]?.body.byteLength).toBe(0);
  });

  it('waits for a slow origin: little of it is ever held', async () => {
    const sockets: Socket[] = [];
    let received = 0;
    const origin = await raw((socket) => {
      socket.pause();
      sockets.push(socket);
    });
    const { source, taken } = endless(800);
    const answer = clientOf(origin.url).fetch(post(source, ['Content-Length', String(800 * CHUNK.byteLength)]));
    await until(() => sockets.length === 1);
    await standstill(taken);
    expect(taken() * CHUNK.byteLength).toBeLessThan(20 * 1024 * 1024);
    sockets[0]?.on('data', (chunk: Buffer) => {
      received += chunk.byteLength;
      if (received > 800 * CHUNK.byteLength) sockets[0]?.write('HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok');
    });
    sockets[0]?.resume();
    expect(await textOf((await answer).body)).toBe('ok');
    expect(taken()).toBe(800);
  });

  it.each([
    ['with an error', (source: Readable) => source.destroy(new Error('the client has gone')), 'the client has gone'],
    ['without one', (source: Readable) => source.destroy(), undefined],
  ])('breaks off %s: the request is cancelled, and its outcome unknown', async (_name, breakOff, message) => {
    const sockets: Socket[] = [];
    const origin = await raw((socket) => void sockets.push(socket.resume()));
    const source = new PassThrough();
    const failure = failureOf(clientOf(origin.url).fetch(post(source, ['Content-Length', '9'])));
    source.write('one');
    await until(() => sockets[0]?.bytesRead !== undefined && sockets[0].bytesRead > 0);
    breakOff(source);
    const { code, sent, cause } = await failure;
    expect({ code, sent, cause: cause instanceof Error ? cause.message : undefined }).toEqual({
      code: 'originReset',
      sent: true,
      cause: message,
    });
    await until(() => sockets[0]?.readableEnded === true || sockets[0]?.destroyed === true);
  });

  it('has broken off before: nothing is sent', async () => {
    const origin = await raw(() => {});
    const source = new PassThrough();
    source.on('error', () => {});
    source.destroy(new Error('the client has gone'));
    await new Promise((resolve) => source.once('close', resolve));
    const failure = await failureOf(clientOf(origin.url).fetch(post(source)));
    expect(failure).toMatchObject({ sent: false, cause: { message: 'the client has gone' } });
    expect(origin.accepted).toBe(0);
  });

  it.each([
    ['breaks off', (source: Readable) => source.destroy(new Error('gone'))],
    ['is given up', (_source: Readable, controller: AbortController) => controller.abort(new Error('gone'))],
  ])('%s while it waits for a connection: nothing is sent, and its source is released', async (_name, end) => {
    const origin = await scripted();
    const held = gate();
    origin.on('GET /', async (_request, response) => {
      await held.pass();
      response.end('ok');
    });
    const client = clientOf(origin.url, { connections: 1 });
    // The second fills the connection's own place for the next request: what comes then waits in the pool.
    const before = [client.fetch(get()), client.fetch(get())];
    await held.arrived();
    const controller = new AbortController();
    const source = new PassThrough();
    const failure = failureOf(client.fetch({ ...post(source), signal: controller.signal }));
    source.write('one');
    end(source, controller);
    expect(await failure).toMatchObject({ code: 'originReset', sent: false, cause: { message: 'gone' } });
    // More than fits into any buffer on the way, so it can only be gone if it was read.
    if (!source.destroyed) {
      for (let i = 0; i < 16; i += 1) source.write(CHUNK);
      source.end();
    }
    await until(() => source.destroyed || source.readableEnded);
    held.release();
    for (const answer of before) expect(await textOf((await answer).body)).toBe('ok');
    await textOf((await client.fetch(get())).body);
    expect(origin.requests('POST /upload')).toEqual([]);
  });

  it('is too large for the gateway: says so', async () => {
    const origin = await raw((socket) => void socket.resume());
    const source = new PassThrough();
    const failure = failureOf(clientOf(origin.url).fetch(post(source)));
    source.write('one');
    source.destroy(new OriginError('contentTooLarge', { sent: true, detail: 'the limit is 2 bytes' }));
    expect(await failure).toMatchObject({ code: 'contentTooLarge', message: 'the limit is 2 bytes' });
  });

  it.each([
    ['longer', 'more than the nine'],
    ['shorter', 'less'],
  ])('is %s than it declares: the request is cancelled', async (_name, rest) => {
    const sockets: Socket[] = [];
    const origin = await raw((socket) => void sockets.push(socket.resume()));
    const source = new PassThrough();
    const failure = failureOf(clientOf(origin.url).fetch(post(source, ['Content-Length', '9'])));
    source.write('one');
    await until(() => sockets[0] !== undefined && sockets[0].bytesRead > 0);
    source.end(rest);
    expect(await failure).toMatchObject({ code: 'originReset', sent: true });
  });

  it('is known to have another length than it declares: nothing is sent', async () => {
    const origin = await raw((socket) => void socket.resume());
    const request = get('/', {
      method: 'PUT',
      headers: ['Host', 'x', 'Content-Length', '9'],
      body: Buffer.from('less'),
    });
    expect(await failureOf(clientOf(origin.url).fetch(request))).toMatchObject({ code: 'originRefused', sent: false });
  });
});

describe('an answer that comes before the request body was sent', () => {
  const refusal = 'HTTP/1.1 413 Content Too Large\r\nConnection: close\r\nContent-Length: 3\r\n\r\nbig';

  it.each([
    ['and reads no more', (socket: Socket) => socket.pause().write(refusal)],
    ['and closes', (socket: Socket) => socket.pause().end(refusal)],
    [
      'and closes at once, so that the next write fails',
      (socket: Socket) => socket.write(refusal, () => socket.destroy()),
    ],
    [
      'without announcing that it closes',
      (socket: Socket) => socket.write(refusal.replace('Connection: close\r\n', ''), () => socket.destroy()),
    ],
  ])('is delivered: the origin answers %s', async (_name, answer) => {
    const origin = await raw((socket) => void socket.once('data', () => answer(socket)));
    // Often, because it is a race of the kernel's between the answer and the failed write.
    for (let i = 0; i < 30; i += 1) {
      const client = clientOf(origin.url);
      const { source } = endless(800);
      const { status, body } = await client.fetch(post(source, ['Content-Length', String(800 * CHUNK.byteLength)]));
      expect([status, await textOf(body)]).toEqual([413, 'big']);
      // The client's own stream is not destroyed, and does not stay paused: its connection has an answer to carry.
      expect(source.errored).toBeNull();
      await until(() => source.readableEnded);
      await client.close();
    }
  });

  it('is delivered: the next write fails before the answer has been looked at', async () => {
    const source = new PassThrough();
    const origin = await raw((socket) => {
      socket.once('data', () => socket.write(refusal, () => socket.destroy()));
      // In the very turn of the event loop in which the origin has closed: the answer is in the kernel, not yet read.
      socket.on('close', () => {
        for (let i = 0; i < 8; i += 1) source.write(CHUNK);
      });
    });
    const answer = clientOf(origin.url).fetch(post(source));
    source.write(CHUNK);
    const { status, body } = await answer;
    expect([status, await textOf(body)]).toEqual([413, 'big']);
  });

  it('and announces the close: no more is sent', async () => {
    const sockets: Socket[] = [];
    let received = '';
    const origin = await raw((socket) => {
      sockets.push(socket);
      socket.on('data', (chunk: Buffer) => {
        if (received === '')
          socket.write('HTTP/1.1 413 Content Too Large\r\nConnection: close\r\nContent-Length: 3\r\n\r\nb');
        received += chunk.toString('latin1');
      });
    });
    const source = new PassThrough();
    const answer = clientOf(origin.url).fetch(post(source, ['Content-Length', '9']));
    source.write('one');
    const { status, body } = await answer;
    source.write('two');
    sockets[0]?.write('ig');
    expect([status, await textOf(body)]).toEqual([413, 'big']);
    await until(() => sockets[0]?.readableEnded === true || sockets[0]?.destroyed === true);
    expect(received).toMatch(/\r\n\r\none$/);
  });

  it('and goes on: both flow at once', async () => {
    const origin = await raw((socket) => {
      let head = true;
      socket.on('data', (chunk: Buffer) => {
        const text = chunk.toString('latin1');
        socket.write(head ? `HTTP/1.1 200 OK\r\nConnection: close\r\n\r\n${text.split('\r\n\r\n')[1] ?? ''}` : text);
        head = false;
        if (text.includes('three')) socket.end();
      });
    });
    const source = new PassThrough();
    const answer = clientOf(origin.url).fetch(post(source, ['Content-Length', '11']));
    source.write('one');
    const body = (await answer).body.stream();
    await once(body, 'readable');
    expect(String(body.read())).toBe('one');
    source.write('two');
    await once(body, 'readable');
    expect(String(body.read())).toBe('two');
    source.end('three');
    expect(await textOf(body)).toBe('three');
  });

  it('then fails: the source is released too, and its later errors have no effect', async () => {
    const origin = await raw((socket) => void socket.once('data', () => socket.resetAndDestroy()));
    const { source } = endless(800);
    const failure = await failureOf(clientOf(origin.url).fetch(post(source)));
    expect(failure).toMatchObject({ code: 'originReset', sent: true });
    await until(() => source.readableEnded);
  });

  it('then fails: a later error of the source has no effect', async () => {
    const origin = await raw((socket) => void socket.once('data', () => socket.resetAndDestroy()));
    const source = new PassThrough();
    const failure = failureOf(clientOf(origin.url).fetch(post(source)));
    source.write('one');
    expect(await failure).toMatchObject({ code: 'originReset', sent: true });
    source.destroy(new Error('late'));
    await until(() => source.closed);
  });
});
