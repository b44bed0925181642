import { createServer, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { GatewayError } from '../../src/errors.ts';
import type { Event } from '../../src/events/event.ts';
import { EventHub, type EventHubOptions } from '../../src/events/hub.ts';
import { unrestricted } from '../../src/events/rights.ts';
import { serveEvents } from '../../src/events/sse.ts';
import { get } from '../support/request.ts';
import { until } from '../support/scripted-origin.ts';
import { sseClient } from '../support/sse-client.ts';
import { asked } from '../support/subscription.ts';

let server: Server;
let hub: EventHub;
let url: string;
let position = 0;

function event(path: string, type = 'invalidate'): Event {
  position += 1;
  const cause = { method: 'PUT', path, rule: 'a rule' };
  return { id: `e-${position}`, type, paths: [path], tags: [`tag:${path}`], cause, at: '2026-01-02T03:04:05.678Z' };
}

function begin(options: Partial<EventHubOptions> = {}): void {
  hub = new EventHub({
    epoch: 'e',
    history: { maxEvents: 100, maxBytes: 1_000_000 },
    maxSubscribers: 2_000,
    heartbeatMs: 60_000,
    ...options,
  });
}

beforeEach(async () => {
  position = 0;
  begin();
  server = createServer((request, response) => {
    try {
      serveEvents(hub, asked(request), response);
    } catch (error) {
      response.statusCode = error instanceof GatewayError ? error.status : 500;
      response.end(error instanceof Error ? error.message : '');
    }
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  url = `http://127.0.0.1:${(server.address() as AddressInfo).port}/_unstale/events`;
});
afterEach(async () => {
  hub.close();
  server.closeAllConnections();
  await new Promise((resolve) => server.close(resolve));
});

test('an event has its position as id, its type, and what a client needs to refetch', async () => {
  const client = await sseClient(url);
  expect(client.response.headers['content-type']).toBe('text/event-stream');
  expect(client.response.headers['cache-control']).toBe('no-store');
  hub.announce([event('/steps/7', 'accommodation.changed')]);
  const received = await client.next();
  expect(received).toMatchObject({ id: 'e-1', type: 'accommodation.changed' });
  expect(received.json()).toEqual({
    paths: ['/steps/7'],
    tags: ['tag:/steps/7'],
    cause: { method: 'PUT', path: '/steps/7', rule: 'a rule' },
    at: '2026-01-02T03:04:05.678Z',
  });
});

test('events come in log order, each subscriber gets what it asked for', async () => {
  const everything = await sseClient(url);
  const steps = await sseClient(`${url}?match=/steps/:id&tag=tag:/trips/3`);
  const paths = ['/steps/7', '/trips/3', '/users/1', '/steps/8'];
  for (const path of paths) hub.announce([event(path)]);
  await until(() => everything.events.length === 4 && steps.events.length === 3);
  expect(everything.events.map(({ id }) => id)).toEqual(['e-1', 'e-2', 'e-3', 'e-4']);
  expect(steps.events.map(({ id }) => id)).toEqual(['e-1', 'e-2', 'e-4']);
});

describe('resuming', () => {
  test('from the last event seen, without a gap or a repetition', async () => {
    const first = await sseClient(`${url}?match=/steps/:id`);
    hub.announce([event('/steps/1')]);
    const seen = await first.next();
    first.close();
    await until(() => hub.subscribers === 0);
    hub.announce([event('/steps/2'), event('/trips/3'), event('/steps/4')]);
    const second = await sseClient(`${url}?match=/steps/:id`, { 'last-event-id': String(seen.id) });
    hub.announce([event('/steps/5')]);
    await until(() => second.events.length === 3);
    expect(second.events.map(({ id }) => id)).toEqual(['e-2', 'e-4', 'e-5']);
  });

  test('one that has seen no event yet resumes from where it began', async () => {
    hub.announce([event('/a')]);
    const first = await sseClient(url);
    const from = String(first.lastEventId);
    first.close();
    hub.announce([event('/b')]);
    const second = await sseClient(url, { 'last-event-id': from });
    expect((await second.next()).id).toBe('e-2');
  });

  test('the header counts, which a browser renews, before the address, which it does not', async () => {
    hub.announce([event('/a'), event('/b'), event('/c')]);
    const client = await sseClient(`${url}?lastEventId=e-1`, { 'last-event-id': 'e-2' });
    expect((await client.next()).id).toBe('e-3');
    const byAddress = await sseClient(`${url}?lastEventId=e-1`);
    expect((await byAddress.next()).id).toBe('e-2');
  });

  test.each(['f-1', 'e-99', 'nonsense', ''])('from %j, which is not held: the first event is resync', async (id) => {
    hub.announce([event('/a')]);
    const client = await sseClient(`${url}?lastEventId=${id}`);
    const first = await client.next();
    expect(first).toMatchObject({ type: 'resync', id: 'e-1' });
    expect(first.json()).toEqual({});
    hub.announce([event('/b')]);
    expect((await client.next()).id).toBe('e-2');
  });
});

test('a slow reader is dropped, while the others get everything', async () => {
  const slow = await sseClient(url);
  const quick = await sseClient(url);
  slow.pause();
  const large = 'x'.repeat(8 * 1024);
  let sent = 0;
  while (hub.dropped === 0 && sent < 4_000) {
    hub.announce([event(`/${large}`)]);
    sent += 1;
    await until(() => quick.events.length === sent);
  }
  expect(hub.dropped).toBe(1);
  expect(hub.subscribers).toBe(1);
  hub.announce([event('/last')]);
  await until(() => quick.events.length === sent + 1);
});

test('heartbeats keep idle streams alive', async () => {
  begin({ heartbeatMs: 5 });
  const client = await sseClient(url);
  const before = client.comments.length;
  await until(() => client.comments.length > before + 2);
});

test('a thousand subscribers get one event each', async () => {
  const clients = await Promise.all(Array.from({ length: 1_000 }, () => sseClient(`${url}?match=/steps/:id`)));
  hub.announce([event('/steps/7')]);
  await until(() => clients.every(({ events }) => events.length === 1));
  expect(hub.subscribers).toBe(1_000);
});

test('a subscriber that leaves is forgotten; closing ends the others', async () => {
  const leaver = await sseClient(url);
  const stayer = await sseClient(url);
  leaver.close();
  await until(() => hub.subscribers === 1);
  hub.close();
  await until(() => stayer.closed);
  expect(hub.subscribers).toBe(0);
});

test('a stream of a gateway that stops ends at once: with 503, an EventSource would never come again', async () => {
  hub.close();
  const { status, headers, text } = await get(url);
  expect([status, headers['content-type'], headers.connection, text]).toEqual([200, 'text/event-stream', 'close', '']);
});

test.each([
  ['a bad pattern', '?match=steps', 400, 'must start with a slash'],
  ['too many filters', `?${'tag=a&'.repeat(65)}`, 400, 'more than 64'],
  ['a long filter', `?tag=${'a'.repeat(1_025)}`, 400, '1024'],
])('%s is refused', async (_what, query, status, message) => {
  const answer = await get(url + query);
  expect(answer.status).toBe(status);
  expect(answer.text).toContain(message);
  expect(answer.headers['content-type']).toBeUndefined();
  expect(hub.subscribers).toBe(0);
});

test('there is a bound on subscribers', async () => {
  begin({ maxSubscribers: 1 });
  await sseClient(url);
  expect((await get(url)).status).toBe(503);
  const sink = {
    writableLength: 0,
    write: () => true,
    once: () => {},
    cork: () => {},
    uncork: () => {},
    end: () => {},
  };
  const subscription = { filter: undefined, rights: unrestricted };
  expect(() => hub.subscribe(subscription, sink)).toThrow('too many subscribers');
});

test.each<[string, (beat: () => void) => void]>([
  ['stops', () => hub.close()],
  [
    'is cut off from the others',
    (beat) => {
      for (let missed = 0; missed < 2; missed++) beat();
    },
  ],
])('a slow client gets all that it was sent before a node that %s ends its stream', async (_what, end) => {
  let beat = (): void => {};
  const after = (_ms: number, run: () => void): (() => void) => {
    beat = run;
    return () => {};
  };
  begin({ timers: { after }, holdsLease: () => false });
  let response: ServerResponse | undefined;
  server.once('request', (_request, its: ServerResponse) => {
    response = its;
  });
  const client = await sseClient(url);
  client.pause();
  while ((response?.writableLength ?? 0) < 100_000 && hub.dropped === 0) {
    hub.announce([event(`/${'x'.repeat(15_000)}`)]);
    await new Promise((resolve) => setImmediate(resolve));
  }
  end(beat);
  client.response.resume();
  await until(() => client.closed, 'the stream to end');
  expect(client.events).toHaveLength(position);
  expect(client.received).toMatch(/retry: \d+\n\n$/);
});
