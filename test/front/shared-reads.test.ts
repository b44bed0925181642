import { once } from 'node:events';
import { type AddressInfo, connect, createServer, type Socket } from 'node:net';
import { expect, onTestFinished, test } from 'vitest';
import { readShared } from '../../src/server/shared-reads.ts';
import { gate } from '../support/barrier.ts';
import { rawClient } from '../support/raw-client.ts';
import { until } from '../support/scripted-origin.ts';
import {
  answerForAMinute,
  ask,
  begin,
  every,
  gateway,
  isHitAt,
  origin,
  send,
  useScriptedRig,
} from '../support/scripted-rig.ts';
import { sseClient } from '../support/sse-client.ts';
import { wsClient } from '../support/ws-client.ts';

/* All connections read into the same memory. What one of them has sent stays what it was when others send. */

useScriptedRig();

/** What another connection sends overwrites what was read last. */
async function overwrite(): Promise<void> {
  const other = await rawClient(gateway.url);
  other.write(`GET /hit HTTP/1.1\r\nHost: a.example\r\nX: ${'x'.repeat(6_000)}\r\n\r\n`);
  await other.answer();
  await other.close();
}
const head = (method: string, path: string, ...fields: string[]): string =>
  `${method} ${path} HTTP/1.1\r\n${['Host: a.example', ...fields, ''].join('\r\n')}\r\n`;

async function start(yaml?: string): Promise<string[]> {
  const bodies: string[] = [];
  every(answerForAMinute);
  origin.on('PUT /written', (_, response, { body }) => {
    bodies.push(body.toString());
    response.writeHead(204).end();
  });
  await begin(yaml);
  return bodies;
}

test('the body of a write that waits', async () => {
  const bodies = await start('writes: [{ on: PUT /written, merge: true }]');
  const reading = gate();
  origin.on('GET /written', async (_, response) => {
    await reading.pass();
    response.setHeader('content-type', 'application/json').end('{}');
  });
  const client = await rawClient(gateway.url);
  const body = JSON.stringify({ text: 'a'.repeat(3_000) });
  client.write(head('PUT', '/written', 'Content-Type: application/json', `Content-Length: ${body.length}`) + body);
  await reading.arrived();
  await overwrite();
  reading.release();
  expect((await client.answer()).status).toBe(204);
  expect(bodies).toEqual([body]);
  await client.close();
});

test('what is sent behind a request that is being answered', async () => {
  await start();
  const slow = gate();
  origin.on('GET /slow', async (_, response) => {
    await slow.pass();
    response.end('slow');
  });
  origin.on('GET /behind', (request, response) => void response.end(request.headers['x-name']));
  const client = await rawClient(gateway.url);
  client.write(head('GET', '/slow'));
  await slow.arrived();
  client.write(head('GET', '/behind', `X-Name: ${'b'.repeat(3_000)}`));
  for (let i = 0; i < 5; i++) await overwrite();
  slow.release();
  expect((await client.answer()).body.toString()).toBe('slow');
  expect((await client.answer()).body.toString()).toBe('b'.repeat(3_000));
  await client.close();
});

test('what the HTTP server is given, and has no reader for yet', async () => {
  const bodies = await start();
  const slow = gate();
  origin.on('GET /slow', async (_, response) => {
    await slow.pass();
    response.end('slow');
  });
  const client = await rawClient(gateway.url);
  const body = 'c'.repeat(3_000);
  // Two in one piece are left to it, and the second one waits for the first.
  client.write(head('GET', '/slow') + head('PUT', '/written', `Content-Length: ${body.length}`) + body.slice(0, 1_000));
  await slow.arrived();
  client.write(body.slice(1_000));
  for (let i = 0; i < 5; i++) await overwrite();
  slow.release();
  expect((await client.answer()).body.toString()).toBe('slow');
  expect((await client.answer()).status).toBe(204);
  expect(bodies).toEqual([body]);
  await client.close();
});

test('this version of Node has it; the end comes, and pausing holds back what is sent', async () => {
  const pieces: { text: string; memory: ArrayBufferLike }[] = [];
  const accepted: Socket[] = [];
  let ends = 0;
  const server = createServer((socket) => {
    const isShared = readShared(socket, (piece) => pieces.push({ text: piece.toString(), memory: piece.buffer }));
    expect(isShared).toBe(true);
    accepted.push(socket.on('end', () => (ends += 1)));
  }).listen(0, '127.0.0.1');
  await once(server, 'listening');
  const clients = [1, 2].map(() => connect((server.address() as AddressInfo).port, '127.0.0.1'));
  await until(() => accepted.length === 2);
  for (const [i, client] of clients.entries()) {
    client.write(`piece ${i}`);
    await until(() => pieces.length === i + 1);
  }
  expect(pieces.map(({ text }) => text)).toEqual(['piece 0', 'piece 1']);
  expect(pieces[0]?.memory).toBe(pieces[1]?.memory);
  for (const socket of accepted) socket.pause();
  clients[0]?.write('behind');
  await new Promise<void>((resolve) => clients[1]?.write('and here', () => resolve()));
  for (let turn = 0; turn < 10; turn++) await new Promise(setImmediate);
  expect(pieces).toHaveLength(2);
  for (const socket of accepted) socket.resume();
  await until(() => pieces.length === 4);
  for (const client of clients) client.end();
  await until(() => ends === 2);
  server.close();
});

/** Until the test has ended, Node has no such thing. */
function withoutSharedReads(): void {
  const { _handle: handle } = connect(0, '127.0.0.1').on('error', () => {}) as unknown as { _handle: object };
  let owner = handle as { useUserBuffer?: unknown };
  while (!Object.hasOwn(owner, 'useUserBuffer')) owner = Object.getPrototypeOf(owner);
  const { useUserBuffer } = owner;
  owner.useUserBuffer = undefined;
  onTestFinished(() => {
    owner.useUserBuffer = useUserBuffer;
  });
}

test('a version of Node that does not have it does everything all the same', async () => {
  withoutSharedReads();
  await start();
  await ask('/hit');
  expect(await isHitAt('/hit')).toBe(true);
  const [stream, socket] = [
    await sseClient(`${gateway.url}/_unstale/events`),
    await wsClient(`${gateway.url}/_unstale/ws`),
  ];
  expect((await send('PUT', '/written', { body: 'd'.repeat(100_000) })).status).toBe(204);
  expect(await stream.next()).toMatchObject({ type: 'invalidate' });
  expect(await socket.next()).toMatchObject({ type: 'invalidate' });
  socket.say({ type: 'ping' });
  await socket.told('pong');
  stream.close();
  socket.close();
});
