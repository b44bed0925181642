import { Redis } from 'ioredis';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { ClusterRedis, type RedisProcess } from '../soak/redis.ts';
import { until } from '../support/barrier.ts';
import { startGateway, type TestGateway } from '../support/gateway.ts';
import { type Answer, get } from '../support/request.ts';
import { type Inn, type SmallApi, smallApi } from '../support/small-api.ts';
import { PATIENT_TIER } from './rig.ts';

/* The nodes of one gateway over a Redis Cluster of three primaries. */

let api: SmallApi;
let redis: ClusterRedis;
let gateways: TestGateway[];
let yaml: string;
const ready = (node: number): Promise<void> =>
  until(async () => (await get(`${gateways[node]?.adminUrl}/readyz`)).status === 200, 'a node to serve');
beforeAll(async () => {
  [api, redis] = await Promise.all([smallApi(), ClusterRedis.start()]);
  yaml = `store: { redis: { url: ${JSON.stringify(redis.urls)}, ${PATIENT_TIER} } }
coherence: { lease: 500ms, settle: 100ms }
rules:
  - { name: inn, on: "* /inns/:id", invalidate: ["/steps/{before.stepId, response.stepId}"] }
`;
  gateways = await Promise.all([0, 1, 2].map(() => startGateway(api.origin.url, yaml)));
  for (const node of [0, 1, 2]) await ready(node);
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

test('while one server is away few records wait to be published, and none when it is back, though their node has stopped', async () => {
  // Not the server of the log: without that, nothing can be written.
  let away: RedisProcess | undefined;
  let waiting = (): Promise<number> => Promise.resolve(0);
  for (const server of redis.servers) {
    const [state] = await server.ask((own) => own.keys('*:state'));
    if (state === undefined) away = server;
    else waiting = () => server.ask((own) => own.hlen(state.replace(/state$/, 'refs')));
  }
  await away?.kill();
  for (let written = 0, id = 1_000; written < 300; ) {
    const some = Array.from({ length: 20 }, () => ask(0, 'PUT', `/inns/${id++}`, {}));
    written += (await Promise.all(some)).filter(({ status }) => status === 201).length;
  }
  // A record waits until those before it are published: if each were tried alone, nearly all would.
  await until(async () => (await waiting()) < 200, 'most of them to be published');
  await gateways[0]?.stop();
  await away?.launch();
  await until(async () => (await waiting()) === 0, 'the others to publish the rest');
  gateways[0] = await startGateway(api.origin.url, yaml);
  await ready(0);
  let id = 1_000;
  await until(async () => {
    id += 1;
    await ask(1, 'GET', `/steps/${id}`);
    return String((await ask(0, 'GET', `/steps/${id}`)).headers['cache-status']).includes('detail=redis');
  }, 'a node that joins to find what another has stored');
}, 60_000);
