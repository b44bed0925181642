import { afterEach, expect, test } from 'vitest';
import { RedisServer } from '../redis-log/redis-server.ts';
import { until } from '../support/barrier.ts';
import { startGateway } from '../support/gateway.ts';
import { get } from '../support/request.ts';
import { type Nodes, startNodes } from './rig.ts';

/* What a Redis must not do, and what a node says of itself. */

let redis: RedisServer | undefined;
let nodes: Nodes | undefined;
afterEach(async () => {
  await nodes?.stop();
  await redis?.stop();
  nodes = undefined;
  redis = undefined;
});

async function withPolicy(policy: string): Promise<string> {
  redis = await RedisServer.start();
  const connection = await redis.connected();
  await connection.config('SET', 'maxmemory-policy', policy);
  connection.disconnect();
  return `store: { redis: { url: "unix:${redis.socket}" } }\n`;
}

test.each(['allkeys-random', 'volatile-random'])(
  'one that evicts random keys (%s) is refused at start',
  async (policy) => {
    const yaml = await withPolicy(policy);
    await expect(startGateway('http://127.0.0.1:1', yaml)).rejects.toThrow(
      `Redis evicts keys at random (maxmemory-policy ${policy}): set noeviction`,
    );
  },
);

const keyed = 'writes: [{ on: POST /orders, idempotency: { key: required } }]\n';

test.each(['allkeys-lru', 'volatile-lru', 'volatile-ttl', 'volatile-lfu'])(
  'one that may evict idempotency keys (%s) is refused at start where there are any',
  async (policy) => {
    const yaml = await withPolicy(policy);
    await expect(startGateway('http://127.0.0.1:1', `${yaml}${keyed}`)).rejects.toThrow(
      `Redis may evict idempotency keys (maxmemory-policy ${policy}): set noeviction`,
    );
  },
);

test.each([
  ['allkeys-lru', 1],
  ['noeviction', 0],
])('%s: %i warnings', async (policy, warnings) => {
  const gateway = await startGateway('http://127.0.0.1:1', await withPolicy(policy));
  expect(gateway.logs.filter(({ msg }) => /maxmemory-policy/.test(msg))).toHaveLength(warnings);
  await gateway.stop();
});

test.each([
  ['random keys', 'allkeys-random', '', 'Redis evicts keys at random'],
  ['idempotency keys', 'volatile-ttl', keyed, 'Redis may evict idempotency keys'],
])('one that was away at start, and evicts %s, is reported when it is there', async (_, policy, more, message) => {
  redis = await RedisServer.start();
  const { socket } = redis;
  await redis.kill();
  const gateway = await startGateway('http://127.0.0.1:1', `store: { redis: { url: "unix:${socket}" } }\n${more}`);
  await redis.launch(['--maxmemory-policy', policy]);
  const told = (): boolean => gateway.logs.some(({ level, msg }) => level === 50 && msg.startsWith(message));
  await until(told, 'a word on the policy');
  await gateway.stop();
});

test('a gateway starts without its Redis, says what it waits for, and serves what the origin answers', async () => {
  const { smallApi } = await import('../support/small-api.ts');
  const api = await smallApi();
  const gateway = await startGateway(api.origin.url, 'store: { redis: { url: "unix:/nowhere/redis.sock" } }\n');
  const ready = await get(`${gateway.adminUrl}/readyz`);
  expect([ready.status, ready.text]).toEqual([
    503,
    'not ready: joining the other nodes: Redis does not answer, or a new epoch is being created\n',
  ]);
  const read = await get(`${gateway.url}/steps/7`);
  expect([read.status, read.headers['cache-status']]).toEqual([
    200,
    'unstale; fwd=bypass; fwd-status=200; detail=not-serving',
  ]);
  expect((await get(`${gateway.url}/inns/42`, { method: 'PATCH', body: {} })).status).toBe(503);
  expect((await get(`${gateway.adminUrl}/invalidate`, { method: 'POST', body: { paths: ['/a'] } })).status).toBe(504);
  await gateway.stop();
  await api.origin.close();
});

test('metrics say how a node stands with the others', async () => {
  nodes = await startNodes(2);
  await nodes.ask(0, 'PATCH', '/inns/42', { body: { name: 'New' } });
  const { text } = await get(`${nodes.gateways[0]?.adminUrl}/metrics`);
  const value = (name: string): number => Number(new RegExp(`^${name} (\\S+)$`, 'm').exec(text)?.[1]);
  expect(value('unstale_cluster_serving')).toBe(1);
  expect(value('unstale_cluster_members')).toBeGreaterThanOrEqual(2);
  expect(value('unstale_cluster_resets_total')).toBe(1);
  expect(value('unstale_cluster_queued')).toBe(0);
});
