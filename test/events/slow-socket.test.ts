import { once } from 'node:events';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterEach, beforeEach, expect, test } from 'vitest';
import type { Event } from '../../src/events/event.ts';
import { EventHub } from '../../src/events/hub.ts';
import { openToAll } from '../../src/events/rights.ts';
import { clientRequest, TrustedProxies } from '../../src/server/client-request.ts';
import { EventSockets } from '../../src/server/event-sockets.ts';
import { PerAddress } from '../../src/server/per-address.ts';
import { takeUpgrades } from '../../src/server/upgrades.ts';
import { until } from '../support/barrier.ts';
import { wsClient } from '../support/ws-client.ts';

/* What waits for the client of a WebSocket is bounded. */

let server: Server;
let hub: EventHub;
let streams: PerAddress;
let url: string;

beforeEach(async () => {
  const history = { maxEvents: 100_000, maxBytes: 256 * 1024 * 1024 };
  hub = new EventHub({ epoch: 'e', history, maxSubscribers: 10, heartbeatMs: 60_000 });
  streams = new PerAddress(10);
  const track = (work: Promise<unknown>): void => void work;
  const sockets = new EventSockets({ hub, streams, track, authority: openToAll, cors: undefined });
  const trusted = new TrustedProxies([]);
  server = createServer();
  takeUpgrades(server, { accept: (message) => clientRequest(message, trusted), take: (each) => sockets.take(each) });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  url = `http://127.0.0.1:${(server.address() as AddressInfo).port}/`;
});
afterEach(async () => {
  hub.close();
  await new Promise((resolve) => server.close(resolve));
});

let position = 0;
function announce(): void {
  position += 1;
  const paths = [`/${'x'.repeat(15_000)}`];
  const cause = { method: 'PUT', path: '/', rule: null };
  const event: Event = { id: `e-${position}`, type: 'invalidate', paths, tags: [], cause, at: '' };
  hub.announce([event]);
}

test('a slow reader is told to come back, and can resume; the others get everything', async () => {
  position = 0;
  const [slow, quick] = [await wsClient(url), await wsClient(url)];
  slow.pause();
  while (hub.dropped === 0) {
    announce();
    await until(() => quick.events.length === position);
  }
  slow.socket.resume();
  await until(() => slow.closed !== undefined, 'the slow one to be closed');
  expect(slow.closed).toEqual({ code: 1013, reason: 'too slow: resume from the last id' });
  expect(hub.subscribers).toBe(1);
  const again = await wsClient(`${url}?lastEventId=${slow.lastEventId}`);
  expect([...slow.events, ...again.events].map(({ id }) => id)).toEqual(quick.events.map(({ id }) => id));
  again.close();
  quick.close();
  await until(() => hub.subscribers === 0 && streams.size === 0);
});

test('one that does not take the close frame either is cut off', async () => {
  position = 0;
  const [slow, quick] = [await wsClient(url), await wsClient(url)];
  slow.pause();
  while (hub.dropped === 0) {
    announce();
    await until(() => quick.events.length === position);
  }
  quick.close();
  await until(() => streams.size === 0, 'both connections to be given back');
  slow.close();
});

test('one that asks for more while it does not read is cut off', async () => {
  position = 0;
  for (let i = 0; i < 1_000; i++) announce();
  const slow = await wsClient(`${url}?lastEventId=e-0`);
  slow.pause();
  for (let i = 0; i < 81; i++) slow.say({ type: 'subscribe', ref: `${i % 10}`, match: ['/a'], lastEventId: 'e-0' });
  await until(() => hub.dropped === 1, 'it to be dropped');
  slow.socket.resume();
  await until(() => slow.closed !== undefined, 'it to be closed');
  expect(slow.closed?.code).toBe(1013);
});
