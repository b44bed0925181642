import { once } from 'node:events';
import { createServer, type Socket } from 'node:net';
import { describe, expect, it } from 'vitest';
import { MAX_INTERIM_ANSWERS } from '../../src/origin/answer.ts';
import { MAX_ANSWER_HEAD_BYTES } from '../../src/origin/pool.ts';
import { deferred } from '../support/barrier.ts';
import { answering, clientOf, failureOf, get, raw, textOf } from './origin-under-test.ts';

const ok = 'HTTP/1.1 200 OK\r\n';

/** Far below the patience of a test, far above what a local answer takes. */
const SHORT_MS = 150;

describe('an answer that fails before its head', () => {
  it.each<[string, (socket: Socket) => unknown, string]>([
    ['closed without a byte', (s) => s.end(), 'originReset'],
    ['reset without a byte', (s) => s.resetAndDestroy(), 'originReset'],
    ['closed within the status line', (s) => s.end('HTTP/1.1 20'), 'originReset'],
    ['closed within the fields', (s) => s.end(`${ok}Content-Type: te`), 'originReset'],
    ['another protocol', (s) => s.write('SSH-2.0-OpenSSH_9.2\r\n'), 'originInvalid'],
    ['a space in a field name', (s) => s.write(`${ok}Bad Name: x\r\n\r\n`), 'originInvalid'],
    ['a NUL in a field value', (s) => s.write(`${ok}X: a\0b\r\n\r\n`), 'originInvalid'],
    ['a CR alone in a field value', (s) => s.write(`${ok}X: a\rSet-Cookie: b=c\r\n\r\n`), 'originInvalid'],
    ['lines that end in LF alone', (s) => s.write('HTTP/1.1 200 OK\nContent-Length: 2\n\nab'), 'originInvalid'],
    ['a folded field', (s) => s.write(`${ok}X: a\r\n b\r\nContent-Length: 0\r\n\r\n`), 'originInvalid'],
    ['a status below 100', (s) => s.write('HTTP/1.1 050 OK\r\nContent-Length: 0\r\n\r\n'), 'originInvalid'],
    ['two lengths', (s) => s.write(`${ok}Content-Length: 2\r\nContent-Length: 3\r\n\r\nabc`), 'originInvalid'],
    [
      'a length and chunks',
      (s) => s.write(`${ok}Content-Length: 3\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n`),
      'originInvalid',
    ],
    [
      'chunks and a length',
      (s) => s.write(`${ok}Transfer-Encoding: chunked\r\nContent-Length: 3\r\n\r\n0\r\n\r\n`),
      'originInvalid',
    ],
    [
      'a transfer coding before chunked',
      (s) => s.write(`${ok}Transfer-Encoding: gzip, chunked\r\n\r\n2\r\nab\r\n0\r\n\r\n`),
      'originInvalid',
    ],
    [
      'a transfer coding after chunked',
      (s) => s.end(`${ok}Transfer-Encoding: chunked, gzip\r\n\r\n2\r\nab\r\n0\r\n\r\n`),
      'originInvalid',
    ],
    [
      'a switch of protocols',
      (s) => s.write('HTTP/1.1 101 Go\r\nConnection: upgrade\r\nUpgrade: x\r\n\r\n'),
      'originInvalid',
    ],
    [
      'more header fields than the bound',
      (s) => s.write(`${ok}X: ${'a'.repeat(MAX_ANSWER_HEAD_BYTES)}\r\nContent-Length: 0\r\n\r\n`),
      'originInvalid',
    ],
    [
      'more interim answers than the bound',
      (s) =>
        s.write(`${'HTTP/1.1 102 Processing\r\n\r\n'.repeat(MAX_INTERIM_ANSWERS + 1)}${ok}Content-Length: 0\r\n\r\n`),
      'originInvalid',
    ],
  ])('%s', async (_name, answer, code) => {
    const origin = await answering(answer);
    const interim: number[] = [];
    const request = get('/', { onInterim: (status) => interim.push(status) });
    const failure = await failureOf(clientOf(origin.url).fetch(request));
    expect(failure).toMatchObject({ code, sent: true });
    expect(interim.filter((status) => status !== 102)).toEqual([]);
    expect(interim.length).toBeLessThanOrEqual(MAX_INTERIM_ANSWERS);
    expect(origin.accepted).toBe(1);
  });

  it('no head in time', async () => {
    const origin = await answering(() => {});
    const failure = await failureOf(clientOf(origin.url, { timeoutMs: SHORT_MS }).fetch(get()));
    expect(failure).toMatchObject({ code: 'originTimeout', sent: true });
  });

  it('accepts as many interim answers, and as long a head, as the bounds say', async () => {
    const interim = 'HTTP/1.1 102 Processing\r\n\r\n'.repeat(MAX_INTERIM_ANSWERS);
    const long = 'a'.repeat(MAX_ANSWER_HEAD_BYTES - 'XContent-Length1'.length - 1);
    const origin = await answering((s) => s.write(`${interim}${ok}X: ${long}\r\nContent-Length: 0\r\n\r\n`));
    const answer = await clientOf(origin.url).fetch(get());
    expect(answer.headers.get('x')).toHaveLength(long.length);
  });
});

describe('an answer that fails within its body', () => {
  it.each<[string, (socket: Socket) => unknown, string]>([
    ['shorter than its length', (s) => s.end(`${ok}Content-Length: 5\r\n\r\nab`), 'originReset'],
    [
      'shorter, announcing the close',
      (s) => s.end(`${ok}Connection: close\r\nContent-Length: 5\r\n\r\nab`),
      'originReset',
    ],
    ['shorter, in HTTP/1.0', (s) => s.end('HTTP/1.0 200 OK\r\nContent-Length: 5\r\n\r\nab'), 'originReset'],
    ['chunks without an end', (s) => s.end(`${ok}Transfer-Encoding: chunked\r\n\r\n2\r\nab\r\n`), 'originReset'],
    [
      'chunks without an end, announcing the close',
      (s) => s.end(`${ok}Connection: close\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nab\r\n`),
      'originReset',
    ],
    [
      'a chunk size that is none',
      (s) => s.write(`${ok}Transfer-Encoding: chunked\r\n\r\n2\r\nab\r\nZZ\r\n`),
      'originInvalid',
    ],
  ])('%s', async (_name, answer, code) => {
    const origin = await answering(answer);
    const { status, body } = await clientOf(origin.url).fetch(get());
    expect(status).toBe(200);
    expect(await failureOf(textOf(body))).toMatchObject({ code, sent: true });
  });

  it.each([
    ['its length known', `${ok}Content-Length: 5\r\n\r\nab`],
    ['chunked', `${ok}Transfer-Encoding: chunked\r\n\r\n2\r\nab\r\n`],
    // The reset must not pass for the close that delimits such a body.
    ['delimited by the close', `${ok}\r\nab`],
  ])('reset, %s', async (_name, bytes) => {
    const sockets: Socket[] = [];
    const origin = await answering((socket) => {
      sockets.push(socket);
      socket.write(bytes);
    });
    const { body } = await clientOf(origin.url).fetch(get());
    await once(body.stream(), 'readable');
    for (const socket of sockets) socket.resetAndDestroy();
    expect(await failureOf(textOf(body))).toMatchObject({ code: 'originReset', sent: true });
  });

  it('silent in the middle', async () => {
    const origin = await answering((s) => s.write(`${ok}Content-Length: 5\r\n\r\nab`));
    const { body } = await clientOf(origin.url, { timeoutMs: SHORT_MS }).fetch(get());
    expect(await failureOf(textOf(body))).toMatchObject({ code: 'originTimeout', sent: true });
  });

  it('does not end the process when nobody listens to the body', async () => {
    const origin = await answering((s) => s.end(`${ok}Content-Length: 5\r\n\r\nab`));
    const { body } = await clientOf(origin.url).fetch(get());
    const stream = body.stream();
    if (!stream.closed) await once(stream.resume(), 'close').catch(() => {});
    expect(stream.errored).toMatchObject({ code: 'originReset' });
  });
});

describe('a connection that is never made', () => {
  it('refused', async () => {
    const server = createServer().listen(0, '127.0.0.1');
    await once(server, 'listening');
    const { port } = server.address() as { port: number };
    server.close();
    await once(server, 'close');
    const origin = clientOf(`http://127.0.0.1:${port}`, { connections: 1 });
    const failures = await Promise.all([1, 2, 3].map(() => failureOf(origin.fetch(get('/', { method: 'POST' })))));
    for (const failure of failures) expect(failure).toMatchObject({ code: 'originRefused', sent: false });
  });

  it('no such name', async () => {
    const failure = await failureOf(clientOf('http://origin.invalid').fetch(get()));
    expect(failure).toMatchObject({ code: 'originRefused', sent: false });
  });

  it('no TLS in time', async () => {
    const origin = await raw(() => {});
    const client = clientOf(`https://127.0.0.1:${origin.port}`, { connectTimeoutMs: SHORT_MS });
    expect(await failureOf(client.fetch(get()))).toMatchObject({ code: 'originTimeout', sent: false });
  });

  it('a free one does not come in time: nothing is sent, then or later', async () => {
    const targets: string[] = [];
    const origin = await answering((socket, { head }) => {
      targets.push(head.split(' ')[1] ?? '');
      if (head.startsWith('GET /large')) socket.write(`${ok}Content-Length: 4000000\r\n\r\n${'a'.repeat(4_000_000)}`);
      else socket.write(`${ok}Content-Length: 0\r\n\r\n`);
    });
    const client = clientOf(origin.url, { connections: 1, connectTimeoutMs: SHORT_MS, timeoutMs: SHORT_MS });
    const large = await client.fetch(get('/large'));
    expect(await failureOf(client.fetch(get('/waiting', { method: 'POST' })))).toMatchObject({
      code: 'originTimeout',
      sent: false,
    });
    expect(await textOf(large.body)).toHaveLength(4_000_000);
    await client.fetch(get('/after'));
    expect(targets).toEqual(['/large', '/after']);
    expect(origin.accepted).toBe(1);
  });

  it.each([
    ['a tunnel', { method: 'CONNECT', target: 'elsewhere.example:443' }],
    ['a method that is none', { method: 'G T' }],
    ['a line end in a field', { headers: ['Host', 'x', 'X-A', 'b\r\nX-C: d'] }],
    ['a transfer coding that the caller left in', { headers: ['Host', 'x', 'Transfer-Encoding', 'chunked'] }],
  ])('%s is not sent', async (_name, request) => {
    const origin = await answering((s) => s.write(`${ok}Content-Length: 0\r\n\r\n`));
    const failure = await failureOf(clientOf(origin.url).fetch({ ...get(), ...request }));
    expect(failure).toMatchObject({ code: 'originRefused', sent: false });
    expect(origin.accepted).toBe(0);
  });

  it('not after close, which also cuts what is in flight', async () => {
    const arrived = deferred();
    const origin = await answering((socket, { head }) => {
      if (head.startsWith('GET /body')) socket.write(`${ok}Content-Length: 5\r\n\r\nab`);
      else arrived.resolve();
    });
    const client = clientOf(origin.url, { connections: 2 });
    const { body } = await client.fetch(get('/body'));
    const silent = failureOf(client.fetch(get('/silent')));
    await arrived.promise;
    const waiting = failureOf(client.fetch(get('/waiting')));
    await Promise.all([client.close(), client.close()]);
    expect(await silent).toMatchObject({ code: 'originReset', sent: true });
    expect(await waiting).toMatchObject({ code: 'originRefused', sent: false });
    expect(await failureOf(textOf(body))).toMatchObject({ code: 'originReset' });
    expect(await failureOf(client.fetch(get()))).toMatchObject({ code: 'originRefused', sent: false });
  });
});
