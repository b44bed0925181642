import { once } from 'node:events';
import { Cluster } from 'ioredis';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { everything, nothingCovered } from '../../src/coherence/record.ts';
import { type Coverage, namedTag } from '../../src/coherence/tag.ts';
import { VersionBumps } from '../../src/redis/version-bumps.ts';
import { RedisServer } from '../redis-log/redis-server.ts';
import { ClusterRedis, type RedisProcess } from '../soak/redis.ts';
import { until } from '../support/barrier.ts';

const coverage = (...tags: string[]): Coverage => ({ ...nothingCovered, tags: new Set(tags) });

describe('the versions of records that come together', () => {
  let server: RedisServer;
  let connection: ReturnType<RedisServer['connect']>;
  beforeEach(async () => {
    server = await RedisServer.start();
    connection = await server.connected();
  });
  afterEach(async () => {
    connection.disconnect();
    await server.stop();
  });
  const versionOf = (name: string): Promise<string | null> => connection.get(`unstale:s:v:${name}`);
  const [a, b] = [namedTag('a'), namedTag('b')];
  const together = (): VersionBumps =>
    new VersionBumps({ connection, prefix: 'unstale', scope: 's', minVersionMs: () => 5_000 });

  const calls = async (): Promise<number> =>
    Number(/cmdstat_eval:calls=(\d+)/.exec(await connection.info('commandstats'))?.[1] ?? 0);

  test('are raised in few round trips, each name to the highest', async () => {
    const before = await calls();
    const bumps = together();
    const order = [7, 9, 8, 6, 5];
    await Promise.all(order.map((seq) => bumps.raise(coverage(a, ...(seq === 8 ? [b] : [])), 'e1', seq)));
    expect([await versionOf(a), await versionOf(b)]).toEqual(['h:e1:9', 'h:e1:8']);
    expect((await calls()) - before).toBe(2);
  });

  test('are bounded in one round trip', async () => {
    const before = await calls();
    const bumps = together();
    const names = (record: number) => Array.from({ length: 250 }, (_, i) => namedTag(`${record}-${i}`));
    await Promise.all(Array.from({ length: 10 }, (_, i) => bumps.raise(coverage(...names(i)), 'e1', i)));
    // The first goes alone, then four at a time.
    expect((await calls()) - before).toBe(4);
  });

  test.each([
    ['a list', (key: string) => connection.lpush(key, 'x')],
    ['a hash', (key: string) => connection.hset(key, 'x', 1)],
  ])('replace what another program has stored under the key of one: %s', async (_, store) => {
    await store(`unstale:s:v:${a}`);
    await connection.expire(`unstale:s:v:${a}`, 60);
    const bumps = together();
    await Promise.all([5, 6, 7].map((seq) => bumps.raise(coverage(seq === 6 ? a : b), 'e1', seq)));
    expect([await versionOf(a), await versionOf(b)]).toEqual(['h:e1:6', 'h:e1:7']);
    expect(await connection.pttl(`unstale:s:v:${a}`)).toBeGreaterThan(5_000);
  });

  test('fail one by one: another program has made one key live for longer than Redis can be told to', async () => {
    await connection.set(`unstale:s:v:${a}`, 'x', 'PXAT', '9223372036854775000');
    const bumps = together();
    // The first goes alone. Of those that go together, it is not the first name that fails.
    const raised = [5, 6, 7, 8].map((seq) => bumps.raise(coverage(seq === 7 ? a : b), 'e1', seq));
    const settled = await Promise.allSettled(raised);
    expect(settled.map(({ status }) => status)).toEqual(['fulfilled', 'fulfilled', 'rejected', 'fulfilled']);
    expect(String((settled[2] as PromiseRejectedResult).reason)).toContain('not an integer');
    expect(await versionOf(b)).toBe('h:e1:8');
  });

  test('of another epoch replace those before', async () => {
    const bumps = together();
    await Promise.all([
      bumps.raise(coverage(a), 'e1', 5),
      bumps.raise(coverage(a), 'e1', 9),
      bumps.raise(coverage(a), 'e2', 1),
    ]);
    expect(await versionOf(a)).toBe('h:e2:1');
  });

  test('of an epoch that is over come too late', async () => {
    await together().raise(coverage(a), '2_x', 1);
    await together().raise(coverage(a), '1_y', 9);
    expect(await versionOf(a)).toBe('h:2_x:1');
    await together().raise(coverage(a), '10_z', 1);
    expect(await versionOf(a)).toBe('h:10_z:1');
  });
});

test('over a Redis Cluster, records wait for no server of others', async () => {
  const redis = await ClusterRedis.start();
  const connection = new Cluster(redis.urls);
  try {
    const bumps = new VersionBumps({ connection, prefix: 'unstale', scope: 's', minVersionMs: () => 5_000 });
    if (connection.status !== 'ready') await once(connection, 'ready');
    // It connects to a server with the first command for it.
    await Promise.all(connection.nodes().map((node) => node.ping()));
    const server = redis.any();
    server.signal('SIGSTOP');
    let raised = 0;
    const all = Array.from({ length: 60 }, async (_, i) => {
      await bumps.raise(coverage(namedTag(`t${i}`)), 'e1', i + 1);
      raised += 1;
    });
    // About two thirds are on the other servers.
    await until(() => raised >= 20, 'records of the other servers');
    expect(raised).toBeLessThan(60);
    server.signal('SIGCONT');
    await Promise.all(all);
  } finally {
    connection.disconnect();
    await redis.stop();
  }
}, 60_000);

test('over a Redis Cluster, the server of the log alone is needed to invalidate everything', async () => {
  const redis = await ClusterRedis.start();
  const connection = new Cluster(redis.urls);
  const others: RedisProcess[] = [];
  try {
    const bumps = new VersionBumps({ connection, prefix: 'unstale', scope: 's', minVersionMs: () => 5_000 });
    if (connection.status !== 'ready') await once(connection, 'ready');
    await Promise.all(connection.nodes().map((node) => node.ping()));
    for (const server of redis.servers) {
      const takesLog = server.ask((own) => own.set('unstale:{s}:log', ''));
      await takesLog.catch(() => others.push(server));
    }
    expect(others).toHaveLength(2);
    for (const server of others) server.signal('SIGSTOP');
    let isRaised = false;
    void bumps.raise(everything, 'e1', 1).then(() => {
      isRaised = true;
    });
    await until(() => isRaised, 'the version of everything to be raised');
  } finally {
    for (const server of others) server.signal('SIGCONT');
    connection.disconnect();
    await redis.stop();
  }
}, 60_000);
