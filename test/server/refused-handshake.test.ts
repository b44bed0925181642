import { afterEach, expect, test } from 'vitest';
import { standstill, until } from '../support/barrier.ts';
import { startGateway, type TestGateway } from '../support/gateway.ts';
import { type RawClient, rawClient } from '../support/raw-client.ts';
import { onRequestHead, type RawOrigin, rawOrigin } from '../support/raw-origin.ts';
import { handshakeOf } from '../support/web-socket-handshake.ts';

/* An origin that answers a handshake as it answers any request. */

const LARGE = 8 * 1024 * 1024;
const fronts = [true, false];

let api: RawOrigin;
let gateway: TestGateway;
let client: RawClient;
/** Connections of the origin that have closed. */
let closed: number;
afterEach(async () => {
  await client.close();
  await gateway.stop();
  await api.close();
});

/** Asks for a WebSocket, and is answered with 403 and 8 MiB. */
async function begin(front: boolean, { reads, limits = '{}' }: { reads: boolean; limits?: string }): Promise<void> {
  closed = 0;
  api = await rawOrigin((socket) => {
    socket.on('close', () => {
      closed += 1;
    });
    onRequestHead(socket, () => {
      socket.write(`HTTP/1.1 403 Forbidden\r\nContent-Length: ${LARGE}\r\nDate: ${new Date().toUTCString()}\r\n\r\n`);
      socket.write(Buffer.alloc(LARGE, 'x'));
    });
  });
  const server = `listen: "127.0.0.1:0", front: ${front}, drain: 50ms, limits: ${limits}`;
  gateway = await startGateway(api.url, `server: { ${server} }\ndefaults: { cache: off }`);
  client = await rawClient(gateway.url, { reads });
  client.write(handshakeOf('/large'));
}

test.each(fronts)('its answer is sent to the end, however long it is (front: %s)', async (front) => {
  await begin(front, { reads: true });
  const { status, body } = await client.answer();
  expect([status, body.byteLength]).toEqual([403, LARGE]);
});

test.each(fronts)(
  'a client that does not read its answer is cut off, and the origin is let go (front: %s)',
  async (front) => {
    await begin(front, { reads: false, limits: '{ bodyIdle: 400ms }' });
    await until(() => gateway.logs.some(({ reason }) => reason === 'a body stood still'), 'the client to be cut off');
    await until(() => closed >= 1, 'the end of the connection to the origin');
  },
);

test.each(fronts)('a stop does not wait for a client that does not read it (front: %s)', async (front) => {
  // Only the stop may end it: the time for a body that stands still is far from over.
  await begin(front, { reads: false });
  await standstill(() => client.pending.byteLength);
  await gateway.stop();
});
