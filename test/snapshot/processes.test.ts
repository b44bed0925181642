import { cpSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { RedisServer } from '../redis-log/redis-server.ts';
import { budget } from '../support/budget.ts';
import { built } from '../support/shared.ts';
import { type Disturbance, GatewayProcess } from './gateway-process.ts';
import { ItemsApi, itemOf, LIST } from './items-api.ts';

const ITEMS = 4;
const paths = [LIST, ...Array.from({ length: ITEMS }, (_, id) => itemOf(id))];

let api: ItemsApi;
let root: string;
let folder: string;
let gateway: GatewayProcess;

beforeAll(async () => {
  await built();
}, 300_000);

beforeEach(async () => {
  api = await ItemsApi.start(ITEMS);
  root = mkdtempSync(join(tmpdir(), 'unstale-processes-'));
  folder = join(root, 'state');
  gateway = await GatewayProcess.at(root);
});
afterEach(async () => {
  await gateway.end('SIGKILL');
  await api.close();
  rmSync(root, { recursive: true, force: true });
});

const configOf = (load: string, save: string, more = '', state = folder): string =>
  `origin: { url: "${api.origin.url}", timeout: 5s, circuit: off }
store: { snapshot: { path: ${JSON.stringify(state)}, load: ${load}, save: ${save} }${more} }
coherence: { lease: 1s }
defaults: { cache: { staleIfError: 10m } }
rules: [{ name: item, on: "PUT|DELETE /items/:id", invalidate: ["/items/{id}", "${LIST}"] }]`;

async function warm(): Promise<void> {
  for (const path of [...paths, ...paths]) await gateway.ask('GET', path);
}

/** A write counts if its answer has come. */
async function write(by: GatewayProcess, id: number, kind: 'write' | 'remove'): Promise<void> {
  const answer = await by.ask(kind === 'write' ? 'PUT' : 'DELETE', itemOf(id));
  if (answer !== undefined) api.acknowledge();
}

/** Reads everything twice: what was stored by the first read is looked at too. Returns how each was first answered. */
async function readAll(by = gateway): Promise<string[]> {
  const said: string[] = [];
  for (const path of [...paths, ...paths]) {
    const start = api.tick();
    const answer = await by.ask('GET', path);
    const content = answer?.status === 404 ? undefined : answer?.text;
    expect(api.allows(path, content, start), `${path}: ${content}\n${by.said}`).toBe(true);
    said.push(String(answer?.headers['cache-status']));
  }
  return said.slice(0, paths.length);
}

const loaded = (): Promise<void> => gateway.printed(/"snapshot: (?:nothing |not )?loaded/);
const hits = (said: readonly string[]): number => said.filter((status) => /unstale; hit/.test(status)).length;

describe('killed, or out of space, at each step of a load and of a save', () => {
  /** A life that has a snapshot behind it: loads, writes, removes, and saves as it stops. */
  async function life(disturbed: Disturbance): Promise<void> {
    await gateway.start(configOf('trust', 'stop'), folder, disturbed);
    await loaded();
    await warm();
    await write(gateway, 0, 'remove');
    await write(gateway, 1, 'write');
    for (const path of paths) await gateway.ask('GET', path);
    await write(gateway, 2, 'remove');
    await gateway.end('SIGTERM');
  }

  let template: string;
  let steps: readonly string[];

  beforeEach(async () => {
    await gateway.start(configOf('off', 'stop'));
    await warm();
    await gateway.end('SIGTERM');
    template = join(root, 'template');
    cpSync(folder, template, { recursive: true });
    const log = join(root, 'steps');
    await life({ at: 0, how: 'kill', log });
    steps = readFileSync(log, 'utf8').trim().split('\n');
  }, 120_000);

  test('what was removed is not served, nor are the lists that held it', { timeout: 1_800_000 }, async () => {
    const all = steps.flatMap((step, i): Disturbance[] => [
      { at: i + 1, how: 'kill' },
      { at: i + 1, how: 'full' },
      ...(/write/i.test(step) ? [{ at: i + 1, how: 'torn' } as const] : []),
    ]);
    // An odd number, so that each way is played: SNAPSHOT_STEPS=all for every one.
    const most = process.env.SNAPSHOT_STEPS === 'all' ? all.length : budget({ local: 10, ci: 60 });
    const every = Math.ceil(all.length / most) | 1;
    let killed = 0;
    for (const disturbed of all.filter((_, i) => i % every === 0)) {
      rmSync(folder, { recursive: true, force: true });
      cpSync(template, folder, { recursive: true });
      api.reset(ITEMS);
      await life(disturbed);
      killed += gateway.said.includes('"stopped"') ? 0 : 1;
      // A write that was under way was not answered, and is not confirmed by anything.
      api.acknowledge();
      await gateway.start(configOf('trust', 'off'));
      await loaded();
      await readAll();
      await gateway.end('SIGKILL');
    }
    expect(killed).toBeGreaterThan(0);
    expect(steps.length).toBeGreaterThan(30);
  });
});

describe('kill -9, and then', () => {
  test('what another node removed over Redis meanwhile is not served, and the rest is', async () => {
    const redis = await RedisServer.start();
    const other = await GatewayProcess.at(root);
    try {
      const more = `, redis: { url: "unix:${redis.socket}", tier: off }`;
      await other.start(configOf('off', 'off', more, join(root, 'other')));
      await gateway.start(configOf('trust', 'stop', more));
      await warm();
      await gateway.end('SIGTERM');
      // Killed once more, with the snapshot loaded, and with a write that it has answered.
      await gateway.start(configOf('trust', 'off', more));
      await loaded();
      expect(hits(await readAll())).toBe(paths.length);
      await write(gateway, 3, 'remove');
      await gateway.end('SIGKILL');
      await write(other, 0, 'remove');
      await write(other, 1, 'write');
      await gateway.start(configOf('trust', 'off', more));
      await loaded();
      expect(gateway.said).toMatch(/"restored":1,"covered":4,.* trusted, 4 invalidated since/);
      expect(hits(await readAll())).toBe(1);
      await readAll(other);
    } finally {
      await gateway.end('SIGKILL');
      await other.end('SIGKILL');
      await redis.stop();
    }
  }, 120_000);

  test('what was removed past the gateway is not served, and the rest is confirmed', async () => {
    await gateway.start(configOf('revalidate', 'stop'));
    await warm();
    await gateway.end('SIGTERM');
    await gateway.start(configOf('revalidate', 'off'));
    await loaded();
    await gateway.end('SIGKILL');
    for (const [id, kind] of [[0, 'remove'], [1, 'write']] as const) api.change(id, kind); // biome-ignore format: a table
    api.acknowledge();
    await gateway.start(configOf('revalidate', 'off'));
    await loaded();
    const said = await readAll();
    expect(said.map((status) => /fwd-status=304/.test(status))).toEqual([false, false, false, true, true]);
  }, 120_000);

  test('with the API down, nothing of the snapshot is served, whatever staleIfError says', async () => {
    await gateway.start(configOf('revalidate', 'stop'));
    await warm();
    await gateway.end('SIGTERM');
    api.change(0, 'remove');
    api.acknowledge();
    api.down = true;
    await gateway.start(configOf('revalidate', 'off'));
    await loaded();
    for (const path of paths) expect((await gateway.ask('GET', path))?.status).toBeGreaterThanOrEqual(500);
    api.down = false;
    await readAll();
  }, 120_000);

  test('a removal that the API made and nobody answered is not undone', async () => {
    await gateway.start(configOf('trust', 'stop'));
    await warm();
    await gateway.end('SIGTERM');
    await gateway.start(configOf('trust', 'off'));
    await loaded();
    const held = api.hold();
    const answered = gateway.ask('DELETE', itemOf(0));
    await held.arrived();
    await gateway.end('SIGKILL');
    held.release();
    expect(await answered).toBeUndefined();
    api.acknowledge();
    await gateway.start(configOf('trust', 'off'));
    await loaded();
    expect(gateway.said).toMatch(/to be revalidated: the gateway did not stop cleanly/);
    expect(hits(await readAll())).toBe(0);
  }, 120_000);
});
