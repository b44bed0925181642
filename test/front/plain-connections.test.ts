import { once } from 'node:events';
import { type AddressInfo, createServer } from 'node:net';
import { expect, test } from 'vitest';
import type { HttpSide } from '../../src/server/http-side.ts';
import { type Connection, SocketFront } from '../../src/server/socket-front.ts';
import type { StreamedReply } from '../../src/server/streamed-reply.ts';
import { standstill, until } from '../support/barrier.ts';
import { rawClient } from '../support/raw-client.ts';

/* A connection on which a read is answered without the HTTP server. */

const request = (path: string, fields = ''): string => `GET ${path} HTTP/1.1\r\nHost: a.example\r\n${fields}\r\n`;

const connected = async (options: { reads?: boolean; served?: (side: HttpSide) => void } = {}) => {
  const replies: StreamedReply[] = [];
  const front = new SocketFront({
    ...{ hit: () => undefined, headerBytes: 8_192, headersTimeoutMs: 60_000, keepAliveMs: 0, draining: () => false },
    plain: (_request, _body, reply) => replies.push(reply) > 0,
    peer: () => ({ address: '127.0.0.1', trusted: false, gateway: 'test' }),
    serve: (side) => {
      if (options.served === undefined) throw new Error('it was given to the HTTP server');
      options.served(side);
    },
    timedOut: () => {},
  });
  const taken: Connection[] = [];
  const server = createServer({ allowHalfOpen: true }, (socket) => void taken.push(front.take(socket)));
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const client = await rawClient(`http://127.0.0.1:${(server.address() as AddressInfo).port}`, options);
  await until(() => taken.length === 1);
  const close = async (): Promise<void> => {
    front.closeAll();
    front.stop();
    await client.close();
    await new Promise((resolve) => server.close(resolve));
  };
  return { front, connection: taken[0] as Connection, client, replies, close };
};

/** A client whose first request waits for `reply`. */
const asked = async ({ reads = true, fields = '' } = {}) => {
  const all = await connected({ reads });
  all.client.write(request('/slow', fields));
  await until(() => all.replies.length === 1);
  return { ...all, reply: all.replies[0] as StreamedReply };
};

test('only so much waits behind a read, however long it takes', async () => {
  const { connection, client, replies, close } = await asked();
  const { socket } = connection;
  client.write(request('/next').repeat(40_000));
  for (let i = 0; i < 20; i++) {
    await until(() => socket.isPaused());
    connection.look(i);
    await new Promise((resolve) => setImmediate(resolve));
  }
  expect(socket.bytesRead).toBeLessThan(16_384 + 2 * 65_536);
  expect(replies).toHaveLength(1);
  await close();
});

test('requests that wait behind a read are answered one after the other, in their order', async () => {
  const { connection, client, replies, close } = await asked();
  for (const path of ['/2', '/3', '/4']) {
    const { bytesRead } = connection.socket;
    client.write(request(path));
    await until(() => connection.socket.bytesRead > bytesRead);
    // Reads what has come.
    connection.look(0);
    await new Promise((resolve) => setImmediate(resolve));
  }
  for (let i = 0; i < 4; i++) {
    expect(replies).toHaveLength(i + 1);
    replies[i]?.send(200, [], String(i));
    expect((await client.answer()).body.toString()).toBe(String(i));
  }
  await close();
});

test('that answers a read nothing times out; when it has answered, the connection is idle', async () => {
  const { front, connection, client, replies, close } = await connected();
  for (let i = 0; i < 2; i++) {
    client.write(request('/slow'));
    await until(() => replies.length === i + 1);
    connection.look(Number.MAX_SAFE_INTEGER);
    front.closeIdle();
    expect(connection.socket.destroyed).toBe(false);
    replies[i]?.send(200, [], 'answer');
    await client.answer();
  }
  expect(connection.isIdle).toBe(true);
  connection.look(Number.MAX_SAFE_INTEGER);
  await client.ended();
  await close();
});

test('nothing is begun behind an answer that closes the connection, however long the client takes to read it', async () => {
  const { connection, client, reply, replies, close } = await asked({ reads: false, fields: 'Connection: close\r\n' });
  const { socket } = connection;
  reply.send(200, [], Buffer.alloc(8 * 1024 * 1024));
  await until(() => socket.writableLength > 0);
  const { bytesRead } = socket;
  client.write(request('/next'));
  client.write('PUT /next HTTP/1.1\r\nHost: a.example\r\nContent-Length: 0\r\n\r\n');
  await until(() => socket.bytesRead > bytesRead);
  client.read();
  await client.ended();
  expect(replies).toHaveLength(1);
  await close();
});

test('an answer that closes the connection is sent to its end, though its client has sent more than was read', async () => {
  const { client, reply, close } = await asked({ reads: false, fields: 'Connection: close\r\n' });
  for (let i = 0; i < 4; i++) client.write(request(`/${'next'.repeat(12_000)}`));
  await standstill(() => client.pending.byteLength);
  reply.send(200, [], Buffer.alloc(1024 * 1024));
  await standstill(() => client.pending.byteLength);
  client.read();
  expect((await client.answer()).body.byteLength).toBe(1024 * 1024);
  await close();
});

test('a reply whose client has left says so, and sends nothing', async () => {
  const { connection, client, reply, close } = await asked();
  const told: string[] = [];
  reply.onGone(() => told.push('while it waited'));
  await client.close();
  await until(() => connection.socket.destroyed && told.length > 0);
  reply.onGone(() => told.push('afterwards'));
  reply.send(200, [], 'answer');
  reply.begin(200, []).end('answer');
  expect(told).toEqual(['while it waited', 'afterwards']);
  await close();
});

test('an answer of the HTTP server that breaks off ends the connection, whatever of it has not been sent', async () => {
  const sides: HttpSide[] = [];
  const { connection, client, close } = await connected({ reads: false, served: (side) => sides.push(side) });
  client.write('OPTIONS * HTTP/1.1\r\nHost: a.example\r\n\r\n');
  await until(() => sides.length === 1);
  sides[0]?.write(Buffer.alloc(8 * 1024 * 1024));
  expect(connection.socket.writableLength).toBeGreaterThan(0);
  sides[0]?.destroy();
  await until(() => connection.socket.destroyed);
  await close();
});

test('a stream whose client has left ends', async () => {
  const { client, reply, close } = await asked();
  const sink = reply.begin(200, []);
  await client.close();
  await until(() => sink.destroyed);
  await close();
});

test('a client that does not read gets a streamed answer at its own pace, whole and in order', async () => {
  const { connection, client, reply, close } = await asked({ reads: false });
  const { socket } = connection;
  const sink = reply.begin(200, ['Content-Length', String(128 * 65_536)]);
  let sent = 0;
  const send = async (): Promise<void> => {
    for (; sent < 128; sent++) if (!sink.write(Buffer.alloc(65_536, sent))) await once(sink, 'drain');
    sink.end();
  };
  const sending = send();
  await until(() => socket.writableLength > 0 && sink.writableNeedDrain);
  expect(sink.writableLength + socket.writableLength).toBeLessThan(3 * 65_536);
  expect(sent).toBeLessThan(128);
  client.read();
  const { body } = await client.answer();
  await sending;
  for (let i = 0; i < 128; i++) expect(body[i * 65_536 + i]).toBe(i);
  expect(body.byteLength).toBe(128 * 65_536);
  await close();
});
