import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { run } from '../cli/run.ts';
import { RedisServer } from '../redis-log/redis-server.ts';
import { type DocumentsApi, documentsApi, isHit, isLastUnconditional } from '../snapshot/rig.ts';
import { until } from '../support/barrier.ts';
import { startGateway, type TestGateway } from '../support/gateway.ts';
import { get } from '../support/request.ts';
import { PATIENT_TIER } from './rig.ts';

/* `unstale purge --all`: the memory of every node, the tier that they share, and what a snapshot would bring back. */

let api: DocumentsApi;
let redis: RedisServer;
let folder: string;
let nodes: TestGateway[];

beforeEach(async () => {
  [api, redis] = await Promise.all([documentsApi(), RedisServer.start()]);
  folder = mkdtempSync(join(tmpdir(), 'unstale-purge-'));
  nodes = [];
});
afterEach(async () => {
  await Promise.all(nodes.map((node) => node.stop()));
  await redis.stop();
  await api.origin.close();
  rmSync(folder, { recursive: true });
});

async function start(snapshot = ''): Promise<TestGateway> {
  const node = await startGateway(
    api.origin.url,
    `store: { redis: { url: "unix:${redis.socket}", ${PATIENT_TIER} }${snapshot} }\ncoherence: { lease: 1s }\n`,
  );
  nodes.push(node);
  await until(async () => (await get(`${node.adminUrl}/readyz`)).status === 200, 'the node to serve');
  return node;
}

const ask = (node: TestGateway, path: string) => get(node.url + path, { headers: { host: 'api.example' } });
const cacheStatus = async (node: TestGateway, path: string) => String((await ask(node, path)).headers['cache-status']);

/** No node and no tier had anything: the origin was asked, and without a condition. */
async function isCold(node: TestGateway, path: string): Promise<boolean> {
  const count = (): number => api.origin.requests(`GET ${path}`).length;
  const before = count();
  await ask(node, path);
  return count() === before + 1 && isLastUnconditional(api, path);
}

test('empties memory on every node, the tier, and an older snapshot', async () => {
  const paths = ['/', '/a', '/b/c'];
  for (const path of paths) api.documents.set(path, path);
  const kept = `, snapshot: { path: "${folder}", load: trust, save: off }`;
  const [first, second] = [await start(), await start(kept)];
  for (const path of paths) for (const node of [first, second, first, second]) await ask(node, path);
  for (const node of [first, second]) for (const path of paths) expect(isHit(await ask(node, path))).toBe(true);
  // Each path is in the tier.
  const third = await start();
  for (const path of paths) expect(await cacheStatus(third, path)).toContain('detail=redis');
  const saved = await run(['snapshot', 'save', '--json'], { env: { UNSTALE_ADMIN_URL: second.adminUrl } });
  expect(JSON.parse(saved.stdout)).toMatchObject({ responses: 3 });

  const { code } = await run(['purge', '--all'], { env: { UNSTALE_ADMIN_URL: first.adminUrl } });
  expect(code).toBe(0);
  await second.stop();
  nodes.splice(nodes.indexOf(second), 1);
  const restarted = await start(kept);
  await until(() => restarted.logs.some(({ msg }) => /^snapshot: (?:nothing |not )?loaded/.test(msg)), 'the load');

  // Each node is the first to ask for one of them: nothing old is left for it anywhere.
  expect(await isCold(restarted, '/')).toBe(true);
  expect(await isCold(first, '/a')).toBe(true);
  expect(await isCold(third, '/b/c')).toBe(true);
});
