import { once } from 'node:events';
import { createServer, type IncomingMessage, type Server } from 'node:http';
import { type AddressInfo, connect, type Socket } from 'node:net';
import { afterEach, beforeEach, expect, test } from 'vitest';
import type { ClientRequest, Route } from '../../src/exchange/ports.ts';
import { createOrigin } from '../../src/origin/pool.ts';
import { clientRequest, TrustedProxies } from '../../src/server/client-request.ts';
import { PerAddress } from '../../src/server/per-address.ts';
import { Tunnels } from '../../src/server/tunnel.ts';
import { takeUpgrades } from '../../src/server/upgrades.ts';
import { onRequestHead, type RawOrigin, rawOrigin } from '../support/raw-origin.ts';
import { until } from '../support/scripted-origin.ts';

/* Tunnels that are looked at all the time, as if it were each minute. */

const SWEEP_MS = 20;

let origin: RawOrigin;
let server: Server;
let tunnels: Tunnels;
let perAddress: PerAddress;
let atOrigin: Socket | undefined;
let close: () => Promise<void>;

beforeEach(async () => {
  origin = await rawOrigin((socket) => {
    atOrigin = socket;
    onRequestHead(socket, () => {
      socket.removeAllListeners('data');
      socket.pause();
      socket.write('HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\r\n');
    });
  });
  const pool = createOrigin({
    url: origin.url,
    timeoutMs: 2_000,
    connectTimeoutMs: 2_000,
    connections: 1,
    host: undefined,
    serverErrors: 'unknown',
    misframed: 'bypass',
    headers: {},
    circuit: undefined,
    health: undefined,
    ignoreInPaths: [],
  });
  perAddress = new PerAddress(10);
  const trusted = new TrustedProxies([]);
  tunnels = new Tunnels({
    perAddress,
    sweepMs: SWEEP_MS,
    routeOf: () => ({ origin: pool, policy: { client: { tags: 'strip', encode: [] } } }) as unknown as Route,
    failed: () => {},
    passed: () => {},
    cursor: () => undefined,
    track: (work) => void work,
  });
  server = createServer();
  const accept = (message: IncomingMessage): ClientRequest => clientRequest(message, trusted);
  takeUpgrades(server, { accept, take: (handshake) => tunnels.take(handshake) });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  close = async () => {
    tunnels.close();
    await pool.close();
    await new Promise((resolve) => server.close(resolve));
    await origin.close();
  };
});
afterEach(() => close());

async function open(): Promise<Socket> {
  const client = connect((server.address() as AddressInfo).port, '127.0.0.1');
  client.on('error', () => {});
  client.write('GET / HTTP/1.1\r\nHost: h\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n');
  await once(client, 'readable');
  expect(String(client.read())).toMatch(/^HTTP\/1\.1 101 /);
  await until(() => tunnels.size === 1);
  return client;
}
const gone = (): boolean => tunnels.size === 0 && perAddress.size === 0 && atOrigin?.destroyed === true;

test('one in which nothing moves ends, and gives back what it held', async () => {
  const client = await open();
  atOrigin?.resume();
  client.resume();
  await until(gone);
  await until(() => client.destroyed);
});

test('one whose origin takes nothing ends, though its client has left without anybody being able to notice', async () => {
  const client = await open();
  let drained = true;
  client.on('drain', () => {
    drained = true;
  });
  let turns = 0;
  // Until nothing is taken for longer than a socket needs that is read from.
  await until(() => {
    turns = drained ? 0 : turns + 1;
    if (drained) drained = client.write(Buffer.alloc(1 << 20));
    return turns > 200 || client.destroyed;
  });
  client.destroy();
  await until(() => tunnels.size === 0 && perAddress.size === 0);
});

test('one in which something moves now and then stays', async () => {
  const client = await open();
  atOrigin?.resume();
  client.resume();
  const end = performance.now() + 20 * SWEEP_MS;
  await until(() => {
    client.write('x');
    return performance.now() > end;
  });
  expect(tunnels.size).toBe(1);
  client.destroy();
  await until(gone);
});
