import { afterEach, expect, test } from 'vitest';
import { until } from '../support/barrier.ts';
import { startGateway, type TestGateway } from '../support/gateway.ts';
import { type RawClient, rawClient } from '../support/raw-client.ts';
import { onRequestHead, type RawOrigin, rawOrigin } from '../support/raw-origin.ts';
import { handshakeOf } from '../support/web-socket-handshake.ts';

/* What bounds a client's answers does not bound its tunnels. */

const LARGE = 8 * 1024 * 1024;

let api: RawOrigin;
let gateway: TestGateway;
const clients: RawClient[] = [];
afterEach(async () => {
  for (const client of clients.splice(0)) await client.close();
  await gateway.stop();
  await api.close();
});

async function asking(request: string): Promise<RawClient> {
  const client = await rawClient(gateway.url, { reads: false });
  clients.push(client);
  client.write(request);
  return client;
}

test.each([true, false])('a tunnel may stand still for longer than a body (front: %s)', async (front) => {
  let handshakes = 0;
  api = await rawOrigin((socket) => {
    onRequestHead(socket, () => {
      handshakes += 1;
      // The first asks for a tunnel, the second for an answer.
      if (handshakes === 1)
        socket.write('HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\r\n');
      else socket.write(`HTTP/1.1 200 OK\r\nContent-Length: ${LARGE}\r\n\r\n`);
      socket.write(Buffer.alloc(LARGE, 'x'));
    });
  });
  const server = `listen: "127.0.0.1:0", front: ${front}, drain: 50ms, limits: { bodyIdle: 400ms }`;
  gateway = await startGateway(api.url, `server: { ${server} }\ndefaults: { cache: off }`);
  const tunnel = await asking(handshakeOf('/tunnel'));
  await until(() => handshakes === 1, 'the handshake');
  await asking('GET /answer HTTP/1.1\r\nHost: a.example\r\n\r\n');
  const cut = (): number => gateway.logs.filter(({ reason }) => reason === 'a body stood still').length;
  await until(() => cut() > 0, 'the client that does not read its answer to be cut off');
  tunnel.read();
  await until(() => tunnel.pending.byteLength > LARGE, 'all that came through the tunnel');
  expect(cut()).toBe(1);
});
