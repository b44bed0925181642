import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeAll, beforeEach, expect, test } from 'vitest';
import { Workload } from '../soak/workload.ts';
import { rules, World } from '../soak/world.ts';
import { until } from '../support/barrier.ts';
import { built } from '../support/shared.ts';

/* One gateway in several processes that share its port, without a Redis. */

const WORKERS = 3;
let world: World;
let directory: string;
let gateway: ChildProcess;
let url: string;
let adminUrl: string;
let said: string;
const random = (below: number): number => Math.floor(Math.random() * below);

beforeAll(built, 120_000);
beforeEach(async () => {
  world = await World.start(random);
  directory = mkdtempSync(join(tmpdir(), 'unstale-workers-'));
  const file = join(directory, 'gateway.yaml');
  const text = `server: { listen: "127.0.0.1:0", workers: ${WORKERS} }
admin: { listen: "127.0.0.1:0" }
origin: { url: "${world.url}", timeout: 1s }
coherence: { lease: 500ms, settle: 1500ms }
defaults: { cache: { ttl: 1h } }
${rules}`;
  writeFileSync(file, text);
  gateway = spawn(process.execPath, ['dist/cli/main.js', 'serve', '-c', file], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  said = '';
  gateway.stdout?.setEncoding('utf8').on('data', (text: string) => {
    said += text;
  });
  await saidTimes(/"msg":"joined the other nodes"/g, WORKERS);
  await saidTimes(/"msg":"listening"/g, WORKERS);
  url = /"url":"(http[^"]+)"/.exec(said)?.[1] ?? '';
  adminUrl = /"adminUrl":"(http[^"]+)"/.exec(said)?.[1] ?? '';
});
afterEach(async () => {
  if (gateway.exitCode === null && gateway.signalCode === null) {
    const gone = once(gateway, 'exit');
    gateway.kill('SIGTERM');
    await gone;
  }
  await world.stop();
  rmSync(directory, { recursive: true });
});

async function saidTimes(what: RegExp, times: number): Promise<void> {
  await until(() => (said.match(what)?.length ?? 0) >= times, `${what} ${times} times`);
}

/** The processes that the gateway has forked. */
const workers = (): number[] =>
  readFileSync(`/proc/${gateway.pid}/task/${gateway.pid}/children`, 'utf8').trim().split(' ').map(Number);

test('no worker serves what a write through another has made stale', async () => {
  const workload = new Workload(world, [url], random);
  const running = workload.run(16);
  await new Promise((resolve) => setTimeout(resolve, 2_500));
  await until(() => workload.seen.acknowledged > 10 && workload.seen.hits > 20, 'reads and writes');
  workload.stop();
  await running;
  expect(workload.seen.stale).toEqual([]);
  expect(workload.seen.acknowledged).toBeGreaterThan(10);
  expect(workload.seen.hits).toBeGreaterThan(20);
});

test('one that dies is replaced, and nothing is served that its unpublished writes changed', {
  timeout: 30_000,
}, async () => {
  const before = workers();
  expect(before).toHaveLength(WORKERS);
  const workload = new Workload(world, [url], random);
  const running = workload.run(16);
  await new Promise((resolve) => setTimeout(resolve, 500));
  process.kill(before[1] as number, 'SIGKILL');
  await saidTimes(/"msg":"joined the other nodes"/g, WORKERS + 1);
  await new Promise((resolve) => setTimeout(resolve, 500));
  await until(() => workload.seen.acknowledged > 10, 'writes');
  workload.stop();
  await running;
  expect(workload.seen.stale).toEqual([]);
  expect(workload.seen.acknowledged).toBeGreaterThan(10);
  expect(said).toContain('a worker has died');
  expect(workers()).toHaveLength(WORKERS);
});

test('the admin port reaches all of them', async () => {
  const agents = Array.from({ length: 12 }, () => fetch(`${url}/parents/1`, { headers: { connection: 'close' } }));
  await Promise.all(agents);
  const done = await fetch(`${adminUrl}/invalidate`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ paths: ['/parents/1'] }),
  });
  expect(done.status).toBe(200);
  const answers = await Promise.all(
    Array.from({ length: 12 }, () => fetch(`${url}/parents/1`, { headers: { connection: 'close' } })),
  );
  // Each of them asked the origin at most once more, or waited for one that did: none had kept it.
  const statuses = answers.map(({ headers }) => headers.get('cache-status') ?? '');
  expect(statuses.filter((status) => /fwd=uri-miss/.test(status)).length).toBeGreaterThanOrEqual(WORKERS - 1);
});

test('metrics cover all of them', async () => {
  const reads = 40;
  for (let i = 0; i < reads; i++) await fetch(`${url}/parents/${i % 12}`, { headers: { connection: 'close' } });
  const text = await (await fetch(`${adminUrl}/metrics`)).text();
  const counted = [...text.matchAll(/^unstale_reads_total\{.*\} (\d+)$/gm)].map(([, count]) => Number(count));
  expect(counted.reduce((sum, count) => sum + count, 0)).toBe(reads);
  expect(/^unstale_cluster_serving (\d+)$/m.exec(text)?.[1]).toBe(String(WORKERS));
  // The barrier of the first epoch may be one of them still.
  expect(Number(/^unstale_cluster_members (\d+)$/m.exec(text)?.[1])).toBeLessThanOrEqual(WORKERS + 1);
});

test.each([
  ['a worker', (): number => workers()[1] as number],
  ['the first process', (): number => gateway.pid as number],
])(
  '%s that is stopped for longer than a lease serves nothing old when it goes on',
  { timeout: 30_000 },
  async (_, pid) => {
    const workload = new Workload(world, [url], random);
    const running = workload.run(16);
    await new Promise((resolve) => setTimeout(resolve, 300));
    const stopped = pid();
    process.kill(stopped, 'SIGSTOP');
    await new Promise((resolve) => setTimeout(resolve, 1_500));
    process.kill(stopped, 'SIGCONT');
    await new Promise((resolve) => setTimeout(resolve, 1_000));
    await until(() => workload.seen.hits > 20, 'reads from memory');
    workload.stop();
    await running;
    expect(workload.seen.stale).toEqual([]);
    expect(workload.seen.hits).toBeGreaterThan(20);
  },
);

test('SIGTERM ends all of them, and is a clean end', async () => {
  const children = workers();
  const gone = once(gateway, 'exit');
  gateway.kill('SIGTERM');
  expect((await gone)[0]).toBe(0);
  for (const pid of children) expect(() => process.kill(pid, 0)).toThrow();
});

test('when the first process dies, the others end', async () => {
  const children = workers();
  const gone = once(gateway, 'exit');
  gateway.kill('SIGKILL');
  await gone;
  const alive = (pid: number): boolean => {
    try {
      process.kill(pid, 0);
      return true;
    } catch {
      return false;
    }
  };
  await until(() => !children.some(alive), 'the end of the others');
});
