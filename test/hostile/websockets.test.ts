import { createHash } from 'node:crypto';
import { once } from 'node:events';
import type { Socket } from 'node:net';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { WebSocket, WebSocketServer } from 'ws';
import { standstill } from '../support/barrier.ts';
import { startGateway, type TestGateway } from '../support/gateway.ts';
import { type RawClient, rawClient } from '../support/raw-client.ts';
import { onRequestHead, type RawOrigin, rawOrigin } from '../support/raw-origin.ts';
import { until } from '../support/scripted-origin.ts';
import { handshakeFields } from '../support/web-socket-handshake.ts';

/**
 * WebSockets: the origin answers the handshake, what follows goes at the reader's pace, and what one client holds is
 * bounded.
 */

const handshake = [
  'GET /ws/a HTTP/1.1',
  'Host: h.test',
  ...handshakeFields,
  'Sec-WebSocket-Protocol: chat',
  '\r\n',
].join('\r\n');
const accepted = [
  'HTTP/1.1 101 Switching Protocols',
  'Upgrade: websocket',
  'Connection: Upgrade',
  'Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=',
  'Sec-WebSocket-Protocol: chat',
  'X-Own: yes',
  '\r\n',
].join('\r\n');

let origin: RawOrigin;
let gateway: TestGateway;
let sockets: Socket[];
let heads: string[];
const clients: RawClient[] = [];
/** What the origin does with a request; by default it accepts. */
let answer: (socket: Socket) => void;

beforeEach(async () => {
  sockets = [];
  heads = [];
  answer = (socket) => void socket.write(accepted);
  origin = await rawOrigin((socket) => {
    sockets.push(socket);
    socket.on('close', () => sockets.splice(sockets.indexOf(socket), 1));
    onRequestHead(socket, (head) => {
      heads.push(head);
      answer(socket);
    });
  });
  gateway = await startGateway(origin.url, 'routes: [{ match: /ws/**, cache: off }]');
});
afterEach(async () => {
  for (const client of clients.splice(0)) await client.close();
  await gateway.stop();
  await origin.close();
});

async function ask(bytes = handshake): Promise<RawClient> {
  const client = await rawClient(gateway.url);
  clients.push(client);
  client.write(bytes);
  return client;
}
const headOf = async (client: RawClient): Promise<string> => {
  await until(() => client.pending.includes('\r\n\r\n'), 'a head');
  return client.pending.toString('latin1').split('\r\n\r\n')[0] as string;
};

describe('the handshake', () => {
  test('is answered when the origin has answered it, with what the origin has said', async () => {
    answer = () => {};
    const client = await ask();
    await until(() => heads.length === 1, 'the handshake at the origin');
    expect(heads[0]).toMatch(/^GET \/ws\/a HTTP\/1\.1\r\n/);
    expect(heads[0]).toMatch(/^upgrade: websocket\r$/im);
    expect(heads[0]).toMatch(/^sec-websocket-key: dGhlIHNhbXBsZSBub25jZQ==\r$/im);
    expect(heads[0]).toMatch(/^via: 1\.1 unstale \([\w-]+\)\r$/im);
    expect(client.pending.byteLength).toBe(0);
    sockets[0]?.write(accepted);
    const head = await headOf(client);
    expect(head).toMatch(/^HTTP\/1\.1 101 /);
    expect(head).toMatch(/^Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK\+xOo=$/im);
    expect(head).toMatch(/^Sec-WebSocket-Protocol: chat$/im);
    expect(head).toMatch(/^X-Own: yes$/im);
  });

  test.each([
    ['a refusal', 'HTTP/1.1 403 Forbidden\r\nContent-Length: 2\r\nWWW-Authenticate: x\r\n\r\nno', 403, 'no'],
    ['a redirect', 'HTTP/1.1 302 Found\r\nLocation: /other\r\nContent-Length: 0\r\n\r\n', 302, ''],
    ['a body in chunks', 'HTTP/1.1 400 Bad\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nno\r\n0\r\n\r\n', 400, 'no'],
    ['another protocol', accepted.replace('Upgrade: websocket', 'Upgrade: h2c'), 502, 'origin-invalid'],
    ['nothing of HTTP', 'nonsense\r\n\r\n', 502, 'origin-invalid'],
  ])('%s reaches the client as its status', async (_what, bytes, status, text) => {
    answer = (socket) => void socket.write(bytes);
    const client = await ask();
    const said = await client.answer();
    expect(said.status).toBe(status);
    expect(said.body.toString()).toContain(text);
    await client.ended();
    await until(() => sockets.length === 0, 'the connection to the origin to be closed');
  });

  test('an origin that is away is a 502, one that says nothing a 504', async () => {
    answer = (socket) => void socket.destroy();
    expect((await (await ask()).answer()).status).toBe(502);
    answer = () => {};
    expect((await (await ask()).answer()).status).toBe(504);
    await until(() => sockets.length === 0, 'the connection to the origin to be closed');
  });

  test('a client that leaves before the answer takes the request to the origin with it', async () => {
    answer = () => {};
    const client = await ask();
    await until(() => heads.length === 1, 'the handshake at the origin');
    client.end();
    await until(() => sockets.length === 0, 'the connection to the origin to be closed');
    await client.ended();
  });

  test.each([
    ['two Hosts', handshake.replace('\r\n', '\r\nHost: other\r\n'), 400],
    ['a target of another host', handshake.replace('/ws/a', 'http://127.0.0.1:1/x'), 400],
    ['the event stream', handshake.replace('/ws/a', '/_unstale/events'), 400],
  ])('%s is refused, and the origin hears nothing', async (_what, bytes, status) => {
    const client = await ask(bytes);
    expect((await client.answer()).status).toBe(status);
    await client.ended();
    expect(heads).toEqual([]);
  });
});

describe('back-pressure', () => {
  const frame = Buffer.concat([Buffer.from([0x82, 127, 0, 0, 0, 0, 0, 0x10, 0, 0]), Buffer.alloc(1 << 20)]);
  /** Writes until nothing more is taken; counts the frames. */
  function flood(write: (done: () => void) => boolean): { readonly stalled: boolean; readonly frames: number } {
    const state = { stalled: false, frames: 0 };
    const go = (): void => {
      state.stalled = false;
      while (state.frames < 300) {
        state.frames += 1;
        if (!write(go)) {
          state.stalled = true;
          return;
        }
      }
    };
    go();
    return state;
  }
  async function steady(state: { readonly stalled: boolean; readonly frames: number }): Promise<void> {
    await until(() => state.stalled, 'the sender to be held back');
    await standstill(() => state.frames);
  }

  test.each(['the origin', 'the client'])('%s is held back by a reader that reads nothing', async (sender) => {
    const { connect } = await import('node:net');
    const client = connect(Number(new URL(gateway.url).port), '127.0.0.1');
    client.on('error', () => {});
    client.write(handshake);
    await once(client, 'readable');
    const [from, to] = sender === 'the origin' ? [sockets[0] as Socket, client] : [client, sockets[0] as Socket];
    to.removeAllListeners('data');
    to.pause();
    const state = flood((done) => {
      const more = from.write(frame);
      if (!more) from.once('drain', done);
      return more;
    });
    await steady(state);
    expect(state.frames).toBeLessThan(100);
    // Another one goes on meanwhile.
    answer = (socket) => {
      socket.write(accepted);
      socket.removeAllListeners('data');
      socket.on('data', (bytes) => void socket.write(bytes));
    };
    const other = await ask();
    await headOf(other);
    other.write('hello');
    await until(() => other.pending.includes('hello'), 'the echo');
    client.destroy();
    to.resume();
    await until(() => sockets.length === 1, 'the attacker to be gone at the origin');
  });

  test('what one side has sent before it ends is read by the other', async () => {
    const client = await ask();
    await headOf(client);
    const head = client.pending.byteLength;
    sockets[0]?.end(Buffer.alloc(5_000_000, 'x'));
    await client.ended();
    expect(client.pending.byteLength - head).toBe(5_000_000);
  });
});

test('tunnels of one address are bounded, and what ends makes room again', async () => {
  await gateway.stop();
  gateway = await startGateway(
    origin.url,
    'server: { listen: "127.0.0.1:0", limits: { perAddress: { streams: 2 } } }\nroutes: [{ match: /ws/**, cache: off }]',
  );
  const [first, second] = [await ask(), await ask()];
  expect(await headOf(first)).toContain(' 101 ');
  expect(await headOf(second)).toContain(' 101 ');
  expect((await (await ask()).answer()).status).toBe(429);
  await first.close();
  let last = '';
  for (let i = 0; i < 100 && !last.includes(' 101 '); i++) last = await headOf(await ask());
  expect(last).toContain(' 101 ');
});

test('messages, extensions and close codes are between client and origin', async () => {
  const { createServer } = await import('node:http');
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as { port: number };
  const echo = new WebSocketServer({ server, perMessageDeflate: { threshold: 0 } });
  echo.on('connection', (socket) => socket.on('message', (bytes, binary) => socket.send(bytes, { binary })));
  const own = await startGateway(`http://127.0.0.1:${port}`);
  const socket = new WebSocket(`${own.url.replace('http', 'ws')}/live`, { perMessageDeflate: { threshold: 0 } });
  await once(socket, 'open');
  expect(socket.extensions).toContain('permessage-deflate');
  const body = Buffer.from(createHash('sha512').update('x').digest('hex').repeat(10_000));
  socket.send(body);
  const [echoed] = (await once(socket, 'message')) as [Buffer];
  expect(echoed.equals(body)).toBe(true);
  socket.close(4_001, 'done');
  expect((await once(socket, 'close'))[0]).toBe(4_001);
  await own.stop();
  echo.close();
  server.closeAllConnections();
  await new Promise((resolve) => server.close(resolve));
});
