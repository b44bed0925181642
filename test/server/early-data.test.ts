import type { Socket } from 'node:net';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { standstill, until } from '../support/barrier.ts';
import { startGateway, type TestGateway } from '../support/gateway.ts';
import { type RawClient, rawClient } from '../support/raw-client.ts';
import { onRequestHead, type RawOrigin, rawOrigin } from '../support/raw-origin.ts';
import { handshakeOf } from '../support/web-socket-handshake.ts';

/* Clients that send data behind the handshake of a WebSocket before the origin has answered it. */

const fronts = [true, false];

let api: RawOrigin;
let asked: Socket | undefined;
/** What came behind the handshake. */
let received: string;
let gateway: TestGateway;
let client: RawClient;
beforeEach(async () => {
  asked = undefined;
  received = '';
  api = await rawOrigin((socket) => {
    onRequestHead(socket, () => {
      asked = socket;
      socket.removeAllListeners('data');
      socket.on('data', (piece) => {
        received += piece.toString('latin1');
      });
    });
  });
});
afterEach(async () => {
  await client.close();
  await gateway.stop();
  await api.close();
});

async function begin(front: boolean): Promise<void> {
  const server = `server: { listen: "127.0.0.1:0", front: ${front}, drain: 50ms }`;
  gateway = await startGateway('', `origin: { url: "${api.url}", timeout: 10m }\n${server}`);
  client = await rawClient(gateway.url);
  client.write(handshakeOf('/socket'));
  await until(() => asked !== undefined, 'the handshake to arrive');
}

test.each(fronts)('one that leaves is noticed (front: %s)', async (front) => {
  await begin(front);
  client.write('early');
  await standstill(() => gateway.logs.length);
  await client.close();
  await until(() => asked?.destroyed === true, 'the end of the connection to the origin');
});

test.each(fronts)('one that ends its side is noticed, and answered (front: %s)', async (front) => {
  await begin(front);
  client.write('early');
  await standstill(() => gateway.logs.length);
  client.end();
  await until(() => asked?.destroyed === true, 'the end of the connection to the origin');
  expect((await client.answer()).status).toBe(502);
});

test.each(fronts)('what it sends waits, and arrives in its order (front: %s)', async (front) => {
  await begin(front);
  // More than the buffers of all sockets on the way hold.
  const early = 'abcdefghij'.repeat(3_000_000);
  client.write(early);
  await standstill(() => client.unsent);
  expect(client.unsent).toBeGreaterThan(0);
  asked?.write('HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\r\n');
  await until(() => client.pending.includes('101 Switching'), 'the answer to the handshake');
  client.write('late');
  await until(() => received.length >= early.length + 4, 'all of it');
  expect(received === `${early}late`).toBe(true);
});
