import { once } from 'node:events';
import { createServer, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import type { Event } from '../../src/events/event.ts';
import { EventHub } from '../../src/events/hub.ts';
import { unrestricted } from '../../src/events/rights.ts';
import type { Sink } from '../../src/events/sink.ts';
import { serveEvents } from '../../src/events/sse.ts';
import { Topic } from '../../src/events/topic.ts';
import { TopicIndex } from '../../src/events/topic-index.ts';
import { turns } from '../support/random.ts';
import { until } from '../support/scripted-origin.ts';
import { type SseClient, sseClient } from '../support/sse-client.ts';
import { asked } from '../support/subscription.ts';

/* Events are sent in slices of the event loop, out of a history that is bounded, and yet in order and without a gap. */

let server: Server;
let hub: EventHub;
let url: string;
let position = 0;
const responses: ServerResponse[] = [];

function event(path: string): Event {
  position += 1;
  const cause = { method: 'PUT', path, rule: null };
  return { id: `e-${position}`, type: 'invalidate', paths: [path], tags: [], cause, at: '' };
}
const announced = (count: number, path = '/a'): void => hub.announce(Array.from({ length: count }, () => event(path)));
const positions = (client: SseClient): number[] => client.events.map(({ id }) => Number(id?.slice(2)));
const from = (first: number, last: number): number[] => Array.from({ length: last - first + 1 }, (_, i) => first + i);

const limits = { maxSubscribers: 10_000, heartbeatMs: 60_000 };
function begin(maxBytes = 64 * 1024 * 1024, maxEvents = 100_000): void {
  hub = new EventHub({ epoch: 'e', history: { maxEvents, maxBytes }, ...limits });
}

/** A hub whose heartbeats are due when the test calls what is in the set. */
function beginByHand(): ReadonlySet<() => void> {
  const due = new Set<() => void>();
  const after = (_: number, run: () => void) => {
    due.add(run);
    return () => due.delete(run);
  };
  hub = new EventHub({ epoch: 'e', history: { maxEvents: 100, maxBytes: 100_000 }, ...limits, timers: { after } });
  return due;
}

beforeEach(async () => {
  position = 0;
  responses.length = 0;
  begin();
  server = createServer((request, response) => {
    responses.push(response);
    serveEvents(hub, asked(request), response);
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  url = `http://127.0.0.1:${(server.address() as AddressInfo).port}/`;
});
afterEach(async () => {
  hub.close();
  server.closeAllConnections();
  await new Promise((resolve) => server.close(resolve));
});

/** What a subscriber is written, in the process. */
function recorder(): Sink & { readonly blocks: string[] } {
  const blocks: string[] = [];
  return {
    blocks,
    writableLength: 0,
    write: (bytes) => blocks.push(bytes.toString()) > 0,
    once: () => {},
    cork: () => {},
    uncork: () => {},
    end: () => {},
  };
}

describe('a subscriber that resumes', () => {
  test('gets everything in order while more is announced, and so do the others', async () => {
    const live = await sseClient(url);
    announced(1_500);
    const resumed = await Promise.all(Array.from({ length: 10 }, (_, i) => sseClient(`${url}?lastEventId=e-${i}`)));
    for (let i = 0; i < 50; i++) {
      announced(10);
      await new Promise((resolve) => setImmediate(resolve));
    }
    await until(() => [live, ...resumed].every((client) => positions(client).at(-1) === 2_000));
    expect(positions(live)).toEqual(from(1, 2_000));
    for (const [i, client] of resumed.entries()) expect(positions(client)).toEqual(from(i + 1, 2_000));
  });

  test('and reads nothing is sent only a little', async () => {
    announced(10_000, `/${'x'.repeat(1_000)}`);
    const readers = Array.from({ length: 20 }, () => sseClient(`${url}?lastEventId=e-0`));
    for (const reader of await Promise.all(readers)) reader.pause();
    await turns(500);
    for (const response of responses) expect(response.writableLength).toBeLessThan(200_000);
    expect(hub.subscribers).toBe(20);
    expect(hub.dropped).toBe(0);
  });

  test('and reads so slowly that events it needs are dropped is told to resync, and goes on', async () => {
    begin(32 * 1024 * 1024);
    const padding = `/${'x'.repeat(1_000)}`;
    // More than the sockets of both sides hold.
    announced(8_000, padding);
    const slow = await sseClient(`${url}?lastEventId=e-0`);
    slow.pause();
    for (let i = 0; i < 1_000; i++) {
      announced(20, padding);
      await turns(1);
    }
    slow.response.resume();
    await until(() => positions(slow).at(-1) === position);
    const { events } = slow;
    const gap = events.findIndex(({ type }) => type === 'resync');
    expect(gap).toBeGreaterThan(0);
    expect(positions(slow).slice(0, gap)).toEqual(from(1, gap));
    const after = positions(slow).slice(gap + 1);
    expect(after).toEqual(from((positions(slow)[gap] ?? 0) + 1, position).slice(0, after.length));
    announced(1);
    await until(() => positions(slow).at(-1) === position);
  });

  test('is not sent everything at once', () => {
    announced(10_000);
    const sink = recorder();
    hub.subscribe({ filter: { match: [], tags: [] }, rights: unrestricted, lastEventId: 'e-0' }, sink);
    expect(sink.blocks.length).toBeLessThan(1_000);
  });
});

describe('many subscribers', () => {
  test('get an event in slices, and the next one behind it', async () => {
    const sinks = Array.from({ length: 2_000 }, () => recorder());
    for (const sink of sinks) hub.subscribe({ filter: { match: ['/a'], tags: [] }, rights: unrestricted }, sink);
    const reached = (): number => sinks.filter(({ blocks }) => blocks.at(-1)?.includes('event: ')).length;
    announced(2);
    expect(reached()).toBeGreaterThan(0);
    expect(reached()).toBeLessThan(2_000);
    // A subscriber that connects now has missed neither.
    const late = recorder();
    hub.subscribe({ filter: { match: ['/a'], tags: [] }, rights: unrestricted }, late);
    await until(() => sinks.every(({ blocks }) => blocks.at(-1)?.startsWith('id: e-2')));
    for (const { blocks } of sinks) expect(blocks.slice(2).map((block) => block.slice(4, 7))).toEqual(['e-1', 'e-2']);
    expect(late.blocks.filter((block) => block.includes('event:'))).toEqual([]);
    announced(1);
    await until(() => late.blocks.length === 3);
  });

  test('are told to resync if more is announced than can be held, and get later events', async () => {
    begin(100_000);
    const client = await sseClient(url);
    announced(1_000, '/'.padEnd(1_000, 'x'));
    await until(() => client.events.length === 1);
    expect(client.events[0]).toMatchObject({ type: 'resync', id: 'e-1000' });
    announced(1);
    await until(() => client.events.length === 2);
    expect(client.events[1]?.id).toBe('e-1001');
    expect(hub.historyBytes).toBeLessThanOrEqual(100_000);
  });

  test('with many patterns each: an event costs what it reaches', () => {
    const index = new TopicIndex();
    const patterns = (i: number): string[] => Array.from({ length: 8 }, (_, k) => `${'/*'.repeat(25 + k)}/${i}-${k}`);
    const topics = Array.from({ length: 1_000 }, (_, i) => new Topic({ match: patterns(i), tags: [`t${i}:*`] }));
    for (const topic of topics) index.add(topic);
    const deep = `${'/a'.repeat(1_500)}`;
    const steps = [...index.matching({ paths: [deep, '/pub/x'], tags: ['other:7'] })];
    expect(steps.length).toBeLessThan(20);
    const found = [...index.matching({ paths: [`${'/a'.repeat(27)}/5-2`], tags: [] })];
    expect(found.filter((topic) => topic !== undefined)).toEqual([topics[5]]);
  });
});

test('after the log has been replaced, nothing of the old one is sent', async () => {
  const client = await sseClient(url);
  const resumed = recorder();
  announced(2_000);
  hub.subscribe({ filter: { match: [], tags: [] }, rights: unrestricted, lastEventId: 'e-0' }, resumed);
  hub.reset('f', 7);
  await until(() => client.events.some(({ type }) => type === 'resync'));
  const sent = resumed.blocks.length;
  position = 7;
  hub.announce([{ ...event('/b'), id: 'f-8' }]);
  await until(() => client.events.at(-1)?.id === 'f-8');
  expect(client.events.at(-2)).toMatchObject({ type: 'resync', id: 'f-7.999999' });
  await until(() => resumed.blocks.at(-1)?.startsWith('id: f-8') === true);
  expect(resumed.blocks.length).toBeLessThanOrEqual(sent + 2);
});

test('a resync is told to those who were there, and not to one who begins with a later position', async () => {
  const [earlier, later] = [recorder(), recorder()];
  const filter = { match: ['/a'], tags: [] };
  for (const sink of [earlier, ...Array.from({ length: 2_000 }, () => recorder())]) {
    hub.subscribe({ filter, rights: unrestricted }, sink);
  }
  // Its slices are under way when the log is replaced, so the resync waits for its turn.
  announced(3);
  hub.reset('f', 10);
  hub.announce([{ ...event('/a'), id: 'f-11' }]);
  hub.subscribe({ filter, rights: unrestricted }, later);
  await until(() => earlier.blocks.at(-1)?.startsWith('id: f-11') === true);
  await turns(10);
  expect(earlier.blocks.slice(-2)).toEqual([expect.stringMatching(/^id: f-10.*\nevent: resync/), expect.anything()]);
  expect(later.blocks.filter((block) => block.startsWith('id:'))).toEqual(['id: f-11\n\n']);
});

test('how an origin stands is told to all, also if the log is replaced while they are told', async () => {
  const sinks = Array.from({ length: 2_000 }, () => recorder());
  const filter = { match: [], tags: ['unstale:origin:legacy'] };
  for (const sink of sinks) hub.subscribe({ filter, rights: unrestricted }, sink);
  const told = (): number => sinks.filter(({ blocks }) => blocks.some((block) => block.includes('origin.down'))).length;
  hub.signal({ type: 'origin.down', tag: 'unstale:origin:legacy', payload: { origin: 'legacy' }, at: 0 });
  await until(() => told() > 0);
  expect(told()).toBeLessThan(2_000);
  hub.reset('f', 7);
  await until(() => told() === 2_000);
});

test('a resync that waits for its turn is told, though a heartbeat is due', async () => {
  const due = beginByHand();
  const sinks = Array.from({ length: 2_000 }, () => recorder());
  for (const sink of sinks) hub.subscribe({ filter: { match: ['/a'], tags: [] }, rights: unrestricted }, sink);
  announced(3);
  hub.reset('f', 10);
  const told = (): number => sinks.filter(({ blocks }) => blocks.some((block) => block.includes('resync'))).length;
  expect(told()).toBeLessThan(2_000);
  for (const beat of [...due]) beat();
  await until(() => told() === 2_000, 'all to be told');
});

test('one heartbeat is due, however often the last subscriber leaves and another one comes', () => {
  const due = beginByHand();
  const counts = Array.from({ length: 3 }, () => {
    const subscriber = hub.subscribe({ filter: { match: [], tags: [] }, rights: unrestricted }, recorder());
    const during = due.size;
    subscriber.unsubscribe();
    return [during, due.size];
  });
  expect(counts).toEqual([
    [1, 0],
    [1, 0],
    [1, 0],
  ]);
});

test.each([
  ['the first of several events of the last record before', 'f-7', ['resync']],
  ['the last of them that there may be', 'f-7.999999', []],
])('a subscriber resumes where the log begins, having seen %s', async (_, lastEventId, told) => {
  hub.reset('f', 7);
  const client = await sseClient(`${url}?lastEventId=${lastEventId}`);
  hub.announce([{ ...event('/b'), id: 'f-8' }]);
  await until(() => client.events.at(-1)?.id === 'f-8');
  expect(client.events.map(({ type }) => type)).toEqual([...told, 'invalidate']);
});

test('what would end a line is taken out of what is not JSON', async () => {
  const client = await sseClient(url);
  hub.announce([{ ...event('/a'), type: 'x\n\nevent: evil\rdata: 1\r\n' }]);
  const { type, json } = await client.next();
  expect(type).toBe('x event: evil data: 1 ');
  expect(json()).toMatchObject({ paths: ['/a'] });
});
