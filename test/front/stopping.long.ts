import { subscribe, unsubscribe } from 'node:diagnostics_channel';
import type { Socket } from 'node:net';
import { expect, test } from 'vitest';
import { gate, standstill, until, withPatience } from '../support/barrier.ts';
import { gaugeIs } from '../support/gateway.ts';
import { type RawClient, rawClient } from '../support/raw-client.ts';
import { onRequestHead, rawOrigin } from '../support/raw-origin.ts';
import { get } from '../support/request.ts';
import { begin, every, gateway, origin, useScriptedRig } from '../support/scripted-rig.ts';
import { handshakeFields } from '../support/web-socket-handshake.ts';
import { chunked } from './requests.ts';

/* A gateway that stops while requests are answered without the HTTP server. */

useScriptedRig();

const request = (method: string, path: string, ...fields: string[]): string =>
  `${method} ${path} HTTP/1.1\r\n${['Host: a.example', ...fields, ''].join('\r\n')}\r\n`;

test.each([
  ['on a new connection', undefined],
  ['behind a request of the HTTP server', request('GET', '/earlier', 'Content-Length: 0')],
])('what waits for the origin is answered, and what has come behind it: %s', async (_, earlier) => {
  const held = gate();
  every((_request, response) => void response.end('answer'));
  origin.on('GET /slow', (_request, response) => held.pass().then(() => void response.end('slow')));
  await begin('defaults: { cache: off }');
  const client = await rawClient(gateway.url);
  if (earlier !== undefined) {
    client.write(earlier);
    await client.answer();
  }
  client.write(request('GET', '/slow'));
  await held.arrived();
  client.write(request('GET', '/behind'));
  // It has come: this has come behind it.
  const other = await rawClient(gateway.url);
  other.write(request('GET', '/other'));
  await other.answer();
  const stopping = gateway.stop();
  held.release();
  const answers = [await client.answer(), await client.answer()];
  expect(answers.map(({ body }) => body.toString())).toEqual(['slow', 'answer']);
  await client.ended();
  await stopping;
  await Promise.all([client.close(), other.close()]);
});

const large = Buffer.alloc(8 * 1024 * 1024, 'x');

/** Stores a large answer. Returns the client that was given it, which reads. */
async function storeLarge(): Promise<RawClient> {
  every((_request, response) => void response.end(large));
  const client = await rawClient(gateway.url);
  client.write(request('GET', '/large'));
  await client.answer();
  return client;
}

/** Asks for what `storeLarge` has stored. The gateway has given all of it to the connection then. */
async function askForLarge(client: RawClient, asked = request('GET', '/large')): Promise<void> {
  client.write(asked);
  await until(() => gateway.logs.some(({ msg, outcome }) => msg === 'read' && outcome === 'hit'));
}

test.each([
  ['on a new connection', request('GET', '/large'), undefined],
  ['behind a request of the HTTP server', request('GET', '/large'), chunked('/earlier', 'x')],
  ['by the HTTP server', request('GET', '/large', 'TE: trailers'), undefined],
  ['in HTTP/1.0', 'GET /large HTTP/1.0\r\nHost: a.example\r\n\r\n', undefined],
  ['without the front', request('GET', '/large'), undefined],
])('a large answer is sent to its end to a client that reads slowly: %s', async (how, asked, earlier) => {
  const front = how !== 'without the front';
  await begin(`server: { listen: "127.0.0.1:0", front: ${front} }\ndefaults: { cache: { ttl: 60s } }`);
  const first = await storeLarge();
  const client = await rawClient(gateway.url, { reads: earlier !== undefined });
  if (earlier !== undefined) {
    origin.on('PUT /earlier', (_request, response) => void response.end('earlier'));
    client.write(earlier);
    await client.answer('PUT');
    client.pause();
  }
  await askForLarge(client, asked);
  const stopping = gateway.stop();
  // It has closed what is idle.
  await first.ended();
  client.read();
  expect((await client.answer()).body.equals(large)).toBe(true);
  await stopping;
  await Promise.all([first.close(), client.close()]);
});

test.each([
  ['on the socket', request('GET', '/large')],
  ['by the HTTP server', request('GET', '/large', 'TE: trailers')],
])('a large answer is cut off at the deadline of the drain if its client reads nothing: %s', async (_, asked) => {
  await begin('server: { listen: "127.0.0.1:0", drain: 50ms }\ndefaults: { cache: { ttl: 60s } }');
  const first = await storeLarge();
  const client = await rawClient(gateway.url, { reads: false });
  await askForLarge(client, asked);
  const stopping = gateway.stop();
  try {
    await withPatience(stopping, () => 'the gateway to stop');
  } finally {
    client.read();
    await stopping;
  }
  await client.ended();
  expect(client.pending.byteLength).toBeLessThan(large.byteLength);
  const deadlines = gateway.logs.filter(({ msg }) => msg.startsWith('the drain deadline passed'));
  expect(deadlines).toMatchObject([{ exchanges: 0, sending: 1 }]);
  await Promise.all([first.close(), client.close()]);
});

test('a request that comes while a large answer is being sent is waited for', async () => {
  const held = gate();
  await begin('server: { listen: "127.0.0.1:0", drain: 1s }\ndefaults: { cache: { ttl: 60s } }');
  const first = await storeLarge();
  origin.on('GET /slow', () => held.pass());
  const client = await rawClient(gateway.url, { reads: false });
  await askForLarge(client);
  const [late] = await clientAndSocket({ reads: true });
  const stopping = gateway.stop();
  late.write(request('GET', '/slow'));
  await held.arrived();
  client.read();
  await client.answer();
  await stopping;
  const deadlines = gateway.logs.filter(({ msg }) => msg.startsWith('the drain deadline passed'));
  expect(deadlines).toMatchObject([{ exchanges: 1, sending: 0 }]);
  held.release();
  await Promise.all([first.close(), client.close(), late.close()]);
});

/** A client, and its connection as the gateway sees it. */
async function clientAndSocket(options: { reads: boolean }): Promise<[RawClient, Socket]> {
  const port = Number(new URL(gateway.url).port);
  const accepted: Socket[] = [];
  const note = (message: unknown): void => {
    const { socket } = message as { socket: Socket };
    if (socket.localPort === port) accepted.push(socket);
  };
  subscribe('net.server.socket', note);
  const client = await rawClient(gateway.url, options);
  await until(() => accepted.length === 1, 'the connection to be accepted');
  unsubscribe('net.server.socket', note);
  return [client, accepted[0] as Socket];
}

/** Announces events until the connection takes no more of them. It is not so much that its subscriber is cut off. */
async function fillWithEvents(socket: Socket): Promise<void> {
  const paths = [1, 2].map((i) => `/${i}/${'x'.repeat(8_000)}`);
  const announce = () => get(`${gateway.adminUrl}/invalidate`, { method: 'POST', body: { paths } });
  while (socket.writableLength === 0) {
    await Promise.all(Array.from({ length: 8 }, announce));
    if (socket.writableLength > 0) await standstill(() => socket.writableLength);
  }
}

const PATIENT = 'server: { listen: "127.0.0.1:0", drain: 60s }';
const handshake = (path: string): string => request('GET', path, ...handshakeFields);

/** Stops the gateway long before the deadline, though this client reads nothing. */
async function stopsDespite(client: RawClient): Promise<void> {
  const stopping = gateway.stop();
  try {
    await withPatience(stopping, () => 'the gateway to stop');
  } finally {
    await client.close();
    await stopping;
  }
  expect(gateway.logs.filter(({ msg }) => msg.includes('drain deadline'))).toEqual([]);
}

test.each([
  ['of an event stream', request('GET', '/_unstale/events')],
  ['of a WebSocket', handshake('/_unstale/ws')],
])('a subscriber that does not read its events is not waited for: %s', async (_, asked) => {
  await begin(PATIENT);
  const [client, socket] = await clientAndSocket({ reads: false });
  client.write(asked);
  await gaugeIs(gateway, 'unstale_subscribers', 1);
  await fillWithEvents(socket);
  await stopsDespite(client);
});

test('nobody waits for the client of a tunnel that does not read what the API sends', async () => {
  const api = await rawOrigin((socket) => {
    onRequestHead(socket, () => {
      socket.write('HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\r\n');
      socket.write(large);
    });
  });
  await begin(PATIENT, api.url);
  const [client, socket] = await clientAndSocket({ reads: false });
  client.write(handshake('/tunnel'));
  await until(() => socket.writableLength > 0);
  await standstill(() => socket.writableLength);
  await stopsDespite(client);
  await api.close();
});
