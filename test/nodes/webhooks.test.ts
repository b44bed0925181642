import { once } from 'node:events';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { WebhookQueues } from '../../src/redis/webhook-queues.ts';
import { RedisServer } from '../redis-log/redis-server.ts';
import { until } from '../support/barrier.ts';
import { get } from '../support/request.ts';
import { endpointAt, type Receiver, startReceiver } from '../webhooks/receiver.ts';
import { type Nodes, startNodes } from './rig.ts';

/* Webhooks of several nodes over a real Redis, and their queues in it. */

describe('nodes of one gateway', () => {
  let receiver: Receiver;
  let nodes: Nodes | undefined;
  beforeEach(async () => {
    receiver = await startReceiver();
  });
  afterEach(async () => {
    await nodes?.stop();
    nodes = undefined;
    await receiver.close();
  });

  const begin = async (count: number): Promise<Nodes> => {
    nodes = await startNodes(count, `webhooks:\n  - ${endpointAt(receiver)}`);
    return nodes;
  };
  const numberOf = (id: string): number => Number(/-(\d+)$/.exec(id)?.[1]);
  const paths = (): (string | undefined)[] => receiver.events.map(({ data }) => data.paths?.[0]);
  interface Shown {
    state: string;
    waiting: number;
    attempts: number;
  }
  const shownBy = async (all: Nodes, node: number): Promise<Shown> =>
    (await get(`${all.gateways[node]?.adminUrl}/webhooks`)).json<{ webhooks: [Shown] }>().webhooks[0];
  const order = (all: Nodes, node: number, what: string) =>
    get(`${all.gateways[node]?.adminUrl}/webhooks/partner/${what}`, {
      method: 'POST',
      body: '{}',
      headers: { 'content-type': 'application/json' },
    });

  test('send each event once, in the order of the log, whichever node has taken the write', async () => {
    const all = await begin(3);
    await receiver.until(({ length }) => length === 1);
    const written = Array.from({ length: 30 }, (_, i) => `/items/${i}`);
    await Promise.all(written.map((path, i) => all.ask(i % 3, 'PUT', path, { body: '{}' })));
    await receiver.until(() => receiver.events.length >= 30);
    expect(paths().sort()).toEqual(written.sort());
    const numbers = receiver.events.map(({ id }) => numberOf(id));
    expect(numbers).toEqual([...numbers].sort((a, b) => a - b));
    expect(receiver.delivered.filter(({ type }) => type === 'resync')).toHaveLength(1);
  });

  test('go on when the one that delivers stops', async () => {
    const all = await begin(2);
    await receiver.until(({ length }) => length === 1);
    await all.ask(0, 'PUT', '/a', { body: '{}' });
    await receiver.until(() => paths().includes('/a'));
    const delivers = all.gateways.findIndex(({ logs }) =>
      logs.some(({ msg, outcome }) => msg === 'webhook' && outcome === 'delivered'),
    );
    await all.gateways[delivers]?.stop();
    await all.ask(1 - delivers, 'PUT', '/b', { body: '{}' });
    await receiver.until(() => paths().includes('/b'));
    expect([paths(), receiver.delivered.length]).toEqual([['/a', '/b'], 3]);
  });

  test('keep what waits over a restart of all of them, and tell of it from any node', async () => {
    const all = await begin(2);
    await receiver.until(({ length }) => length === 1);
    receiver.answer(500);
    for (const path of ['/a', '/b']) await all.ask(0, 'PUT', path, { body: '{}' });
    await receiver.until(() => paths().includes('/a'));
    await until(async () => (await shownBy(all, 0)).waiting === 2 && (await shownBy(all, 1)).waiting === 2);
    await Promise.all(all.gateways.map((gateway) => gateway.stop()));
    const [first] = receiver.events;
    receiver.answer(204);
    const node = await all.add();
    await until(async () => (await shownBy(all, node)).state === 'failing');
    // It would wait for five minutes.
    await order(all, node, 'enable');
    await receiver.until(() => paths().includes('/b'));
    expect(receiver.events.at(-2)).toEqual(first);
    expect(receiver.delivered.filter(({ type }) => type === 'resync')).toHaveLength(1);
  });

  test('pass on what an operator asks of a node that does not deliver', async () => {
    const all = await begin(2);
    await receiver.until(({ length }) => length === 1);
    receiver.answer(410);
    await all.ask(0, 'PUT', '/a', { body: '{}' });
    await until(
      async () => (await shownBy(all, 0)).state === 'disabled' && (await shownBy(all, 1)).state === 'disabled',
    );
    receiver.answer(204);
    const delivers = all.gateways.findIndex(({ logs }) => logs.some(({ webhook }) => webhook === 'partner'));
    expect((await order(all, 1 - delivers, 'enable')).status).toBe(202);
    await receiver.until(({ length }) => length === 3);
    expect(receiver.delivered.at(-1)?.type).toBe('resync');
  });
});

describe('a node that was not there', () => {
  let receiver: Receiver;
  let nodes: Nodes;
  const webhooks = (): string => `webhooks:\n  - ${endpointAt(receiver)}`;
  const routes = 'routes: [{ match: "/reset/:token", cache: off }]';
  beforeEach(async () => {
    receiver = await startReceiver();
    // It takes the writes, and has no webhooks.
    nodes = await startNodes(1, routes);
  });
  afterEach(async () => {
    await nodes.stop();
    await receiver.close();
  });
  const put = (path: string) => nodes.ask(0, 'PUT', path, { body: '{}' });
  const delivering = (): Promise<number> => nodes.addAnother(`${routes}\n${webhooks()}`);
  const told = (): unknown[] => receiver.delivered.map(({ type, data }) => data.paths?.[0] ?? type);

  test('sends what was written meanwhile, but what subscribers are not shown', async () => {
    const first = await delivering();
    await receiver.until(({ length }) => length === 1);
    await nodes.gateways[first]?.stop();
    for (const path of ['/a', '/reset/S3CRET', '/b']) await put(path);
    await delivering();
    await receiver.until(() => told().includes('/b'));
    expect(told()).toEqual(['resync', '/a', '/b']);
  });

  test('tells the one form of all spellings, too', async () => {
    const origin = `origin: { url: "${nodes.api.origin.url}", ignoreInPaths: [case] }`;
    const node = await nodes.addAnother(`${origin}\n${routes}\n${webhooks()}`);
    await receiver.until(({ length }) => length === 1);
    await nodes.ask(node, 'PUT', '/Items/B', { body: '{}' });
    await receiver.until(() => receiver.events.length === 1);
    expect(receiver.events[0]?.data.paths).toEqual(['/Items/B', '/items/b']);
  });

  test('says resync if the log has been trimmed meanwhile', async () => {
    const first = await delivering();
    await receiver.until(({ length }) => length === 1);
    await nodes.gateways[first]?.stop();
    for (const path of ['/a', '/b', '/c']) await put(path);
    const connection = nodes.redis.connect(1_000);
    await once(connection, 'ready');
    const [log = ''] = await connection.keys('*:log:*');
    await connection.xtrim(log, 'MAXLEN', 2);
    connection.disconnect();
    await delivering();
    await receiver.until(({ length }) => length >= 2);
    await put('/d');
    await receiver.until(() => told().includes('/d'));
    expect(told()).toEqual(['resync', 'resync', '/d']);
  });

  test('says resync if Redis has lost everything', async () => {
    await delivering();
    await receiver.until(({ length }) => length === 1);
    await nodes.redis.kill();
    await nodes.redis.launch();
    await receiver.until(({ length }) => length >= 2);
    expect(new Set(told())).toEqual(new Set(['resync']));
  });
});

describe('the queues in Redis', () => {
  let server: RedisServer;
  let queues: WebhookQueues;
  let connection: ReturnType<RedisServer['connect']>;
  beforeEach(async () => {
    server = await RedisServer.start();
    connection = server.connect(1_000);
    await once(connection, 'ready');
    queues = new WebhookQueues({ connection, prefix: 'unstale', scope: 's' });
  });
  afterEach(async () => {
    connection.disconnect();
    await server.stop();
  });

  const take = (holder: string, ms = 60_000, endpoint = 'partner') =>
    queues.take(endpoint, { holder, ms, wants: true });
  const nothing = { held: true, stored: undefined, orders: [] };

  test('are held by one process at a time, each by its own', async () => {
    expect([await take('a'), await take('b'), await take('a'), await take('b', 60_000, 'other')]).toEqual([
      nothing,
      { held: false },
      nothing,
      nothing,
    ]);
  });

  test('are taken over once the lease has run out, or was given back', async () => {
    await take('a', 1);
    await until(async () => (await take('b')).held);
    await queues.release('partner', 'a');
    expect(await take('a')).toEqual({ held: false });
    await queues.release('partner', 'b');
    expect(await take('a')).toEqual(nothing);
  });

  test('are stored by the holder alone: one that has lost its lease changes nothing', async () => {
    await take('a', 1);
    await until(async () => (await take('b')).held);
    expect([await queues.save('partner', 'b', 'later'), await queues.save('partner', 'a', 'earlier')]).toEqual([
      true,
      false,
    ]);
    expect(await queues.read('partner')).toBe('later');
    await queues.release('partner', 'b');
    expect(await take('a')).toEqual({ ...nothing, stored: 'later' });
    expect(await queues.take('partner', { holder: 'a', ms: 60_000, wants: false })).toEqual(nothing);
  });

  test('have orders that are given to the holder once, the last hundred', async () => {
    for (let i = 0; i < 101; i++) await queues.order('partner', `order ${i}`);
    const orders = Array.from({ length: 100 }, (_, i) => `order ${i + 1}`);
    expect([await take('a'), await take('a')]).toEqual([{ ...nothing, orders }, nothing]);
  });
});
