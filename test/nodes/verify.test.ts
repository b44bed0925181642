import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, onTestFinished, test } from 'vitest';
import { GatewayError } from '../../src/errors.ts';
import type { Verified } from '../../src/exchange/inspect/verify.ts';
import { run } from '../cli/run.ts';
import { until } from '../support/barrier.ts';
import { startGateway, type TestGateway } from '../support/gateway.ts';
import { get } from '../support/request.ts';
import { isHit, type Nodes, PATIENT_TIER, startNodes, status } from './rig.ts';

/* `unstale verify` on a node that shares a Redis with others. */

let nodes: Nodes;
/** A node that has nothing in memory. */
let fresh: number;
beforeEach(async () => {
  nodes = await startNodes(1, 'defaults: { cache: { ttl: 60s } }\n', ', lease: 4s');
  for (const path of ['/inns/42', '/inns/42?lang=de']) await nodes.ask(0, 'GET', path);
  fresh = await nodes.add();
  // They reach Redis after their client. A read that comes before would be answered by the API, and stored.
  for (const path of ['/inns/42', '/inns/42?lang=de']) {
    const inTier = async (): Promise<boolean> =>
      (await verify(`http://api.example${path}`)).stdout.includes('as the API');
    await until(inTier, 'the tier');
  }
  expect(status(await nodes.ask(fresh, 'GET', '/inns/42?lang=de'))).toContain('redis');
});
afterEach(() => nodes.stop());

const adminUrl = (node: number): string => nodes.gateways[node]?.adminUrl ?? '';
const verify = (...args: string[]) => run(['verify', ...args], { env: { UNSTALE_ADMIN_URL: adminUrl(fresh) } });
const purge = (path: string) => run(['purge', path], { env: { UNSTALE_ADMIN_URL: adminUrl(0) } });

test('looks a URL up in Redis: clients are served that copy, too', async () => {
  nodes.api.inns.delete(42);
  const { code, stdout } = await verify('--json', 'http://api.example/inns/42');
  expect(code).toBe(1);
  const { outcome, copies, lookedIn } = JSON.parse(stdout) as Verified;
  expect([outcome, lookedIn]).toEqual(['differs', ['memory', 'redis']]);
  expect(copies.map((copy) => [copy.of, copy.in, copy.outcome]).sort()).toEqual([
    ['api.example/inns/42', 'redis', 'differs'],
    ['api.example/inns/42?lang=de', 'memory', 'differs'],
  ]);
  // Nothing was stored for it: the next read is still served from Redis.
  expect(status(await nodes.ask(fresh, 'GET', '/inns/42'))).toContain('detail=redis');
  expect(isHit(await nodes.ask(fresh, 'GET', '/inns/42'))).toBe(true);
});

test('knows the host of a path by what is in memory', async () => {
  nodes.api.inns.delete(42);
  const { stdout } = await verify('/inns/42');
  expect(stdout).toMatch(/ {2}api\.example\/inns\/42, stored \d+ s ago, in Redis: gone/);
});

test('says that Redis may have what it cannot look up there', async () => {
  await nodes.ask(0, 'GET', '/trips/1');
  // It reaches Redis after its client.
  await until(async () => (await verify('/trips/1')).code === 1, 'the response in Redis');
  for (const url of ['/trips/1', '/trips/*']) {
    const { code, stdout } = await verify(url);
    expect([code, stdout]).toEqual([1, expect.stringContaining('but Redis may have: name ')]);
  }
  expect(await verify('/trips/2', '/steps/*')).toMatchObject({
    code: 0,
    stdout: ['/trips/2', '/steps/*']
      .map((url) => `${url}: not stored in the memory of this node, nor in Redis\n`)
      .join(''),
  });
});

test('says that Redis may have a variant', async () => {
  nodes.api.origin.on('GET /varied', (_, response) => {
    response.writeHead(200, { 'Cache-Control': 'max-age=60', Vary: 'Accept-Language' }).end('a');
  });
  await nodes.ask(0, 'GET', '/varied', { headers: { 'accept-language': 'de' } });
  // It reaches Redis after its client.
  await until(async () => (await verify('http://api.example/varied')).code === 1, 'the variant in Redis');
  const { stdout } = await verify('http://api.example/varied');
  expect(stdout).toContain('but Redis may have a variant of it');
});

test('after a purge there is nothing', async () => {
  await purge('/inns/**');
  const { code, stdout } = await verify('http://api.example/inns/42');
  expect([code, stdout]).toEqual([
    0,
    'http://api.example/inns/42: not stored in the memory of this node, nor in Redis\n',
  ]);
});

test('a node that does not serve answers 503, and not that nothing is stored', async () => {
  await nodes.redis.stop();
  await until(async () => (await get(`${adminUrl(fresh)}/readyz`)).status === 503, 'the lease to run out');
  const { code, stdout, stderr } = await verify('/inns/42');
  expect([code, stdout]).toEqual([1, '']);
  expect(stderr).toContain('503: ask again when this node serves: the lease has run out');
  const answer = await get(`${adminUrl(fresh)}/verify`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: '{"urls":["/inns/42"]}',
  });
  expect(answer.json()).toMatchObject({ type: new GatewayError('notServing').type, status: 503 });
});

test('looks into Redis past a copy of a snapshot that the API has not confirmed: clients are served that of Redis', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'unstale-verify-'));
  onTestFinished(() => rmSync(folder, { recursive: true }));
  nodes.api.origin.on('GET /tagged', (_request, response) => {
    response.writeHead(200, { etag: '"1"', 'cache-control': 'max-age=600' }).end('tagged');
  });
  const start = (): Promise<TestGateway> => {
    const store = `store: { redis: { url: "unix:${nodes.redis.socket}", ${PATIENT_TIER} }, snapshot: { path: "${folder}", load: revalidate, save: stop } }`;
    return startGateway(nodes.api.origin.url, `${store}\ncoherence: { lease: 1s }\ndefaults: { cache: { ttl: 60s } }`);
  };
  const read = ({ url }: TestGateway) => get(`${url}/tagged`, { headers: { host: 'api.example' } });
  const first = await start();
  await until(async () => isHit(await read(first)), 'a stored response');
  await first.stop();
  const second = await start();
  await until(() => second.logs.some(({ msg }) => msg.startsWith('snapshot: loaded 1 ')), 'the load');
  const { stdout } = await run(['verify', '--json', '/tagged'], { env: { UNSTALE_ADMIN_URL: second.adminUrl } });
  const { copies } = JSON.parse(stdout) as Verified;
  expect(copies.map((copy) => copy.in).sort()).toEqual(['redis', 'unconfirmed']);
  expect(status(await read(second))).toContain('detail=redis');
  await second.stop();
});
