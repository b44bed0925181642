import { Redis } from 'ioredis';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { ClusterRedis } from '../soak/redis.ts';
import { until } from '../support/barrier.ts';
import { startGateway, type TestGateway } from '../support/gateway.ts';
import { type Answer, get } from '../support/request.ts';
import { type Inn, type SmallApi, smallApi } from '../support/small-api.ts';
import { PATIENT_TIER } from './rig.ts';

/* The nodes of one gateway over a Redis Cluster of three primaries. */

let api: SmallApi;
let redis: ClusterRedis;
let gateways: TestGateway[];
beforeAll(async () => {
  [api, redis] = await Promise.all([smallApi(), ClusterRedis.start()]);
  const yaml = `store: { redis: { url: ${JSON.stringify(redis.urls)}, ${PATIENT_TIER} } }
coherence: { lease: 500ms, settle: 100ms }
rules:
  - { name: inn, on: "* /inns/:id", invalidate: ["/steps/{before.stepId, response.stepId}"] }
`;
  gateways = await Promise.all([0, 1, 2].map(() => startGateway(api.origin.url, yaml)));
  for (const { adminUrl } of gateways) {
    await until(async () => (await get(`${adminUrl}/readyz`)).status === 200, 'a node to serve');
  }
}, 60_000);
afterAll(async () => {
  await Promise.all((gateways ?? []).map((gateway) => gateway.stop()));
  await redis?.stop();
  await api?.origin.close();
});

const ask = (node: number, method: string, path: string, body?: Record<string, unknown>): Promise<Answer> =>
  get(gateways[node]?.url + path, {
    method,
    headers: { host: 'api.example' },
    ...(body === undefined ? {} : { body }),
  });

test('once a write is answered, every node asks anew, and one of them alone', async () => {
  for (let name = 0; name < 20; name++) {
    for (const node of [0, 1, 2]) await ask(node, 'GET', '/steps/7');
    expect((await ask(name % 3, 'PATCH', '/inns/42', { name: `N${name}` })).status).toBe(200);
    for (const node of [0, 1, 2]) {
      expect((await ask(node, 'GET', '/steps/7')).json<{ inns: Inn[] }>().inns[0]?.name).toBe(`N${name}`);
    }
  }
});

test('what one node has stored the others find, wherever it lies', async () => {
  for (let id = 100; id < 140; id++) await ask(0, 'GET', `/steps/${id}`);
  // One after the other: a read waits for the tier for a moment only, and then for the origin.
  const found: Awaited<ReturnType<typeof ask>>[] = [];
  for (let id = 100; id < 140; id++) found.push(await ask(1, 'GET', `/steps/${id}`));
  const fromTier = found.filter(({ headers }) => /detail=redis/.test(String(headers['cache-status'])));
  // Each server holds about a third of them. On a busy machine some reads give the tier up.
  expect(fromTier.length).toBeGreaterThan(20);
});

test('one of its servers that evicts random keys is found, whichever it is', async () => {
  const [, second = ''] = redis.urls;
  const asked = new Redis(second);
  await asked.config('SET', 'maxmemory-policy', 'volatile-random');
  await expect(
    startGateway(api.origin.url, `store: { redis: { url: ${JSON.stringify(redis.urls)} } }`),
  ).rejects.toThrow(/evicts keys at random/);
  await asked.config('SET', 'maxmemory-policy', 'noeviction');
  asked.disconnect();
});
