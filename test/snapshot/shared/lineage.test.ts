import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { RedisServer } from '../../redis-log/redis-server.ts';
import { until } from '../../support/barrier.ts';
import { isHit, SnapshotRig } from '../rig.ts';

/* A snapshot that is trusted, and a run of another kind in its folder since: all writes went through the gateway. */

const rules = 'rules: [{ name: child, on: DELETE /children/:id, invalidate: [/parent] }]';
const doubt = 'the folder was used with other routes, rules, origins or another log since';

let rig: SnapshotRig;
let redis: RedisServer | undefined;
beforeEach(async () => {
  rig = await SnapshotRig.open();
  rig.api.documents.set('/parent', 'with 42').set('/children/42', 'C');
});
afterEach(async () => {
  await rig.close();
  await redis?.stop();
  redis = undefined;
});

/** The keys of `store.snapshot`, and those of a Redis if there is one. */
const keys = (snapshot: string, server = redis): string =>
  server === undefined ? snapshot : `${snapshot} }, redis: { url: "unix:${server.socket}", tier: off`;

/** One run of each kind, and then the first one again. */
async function playWith(between: { snapshot: string; yaml: string }): Promise<void> {
  await rig.start(keys('save: stop'), rules);
  await until(async () => isHit(await rig.ask('/parent')), 'a stored response');
  await rig.stop();

  await rig.start(between.snapshot, between.yaml);
  await until(async () => {
    const { status } = await rig.ask('/children/42', { method: 'DELETE' });
    return status === 204;
  }, 'a write');
  rig.api.documents.set('/parent', 'without');
  await rig.stop();

  await rig.startLoaded(keys('load: trust'), rules);
}

test.each([
  ['without the rule', ''],
  ['with another route', `${rules}\nroutes: [{ match: /children/:id, cache: { ttl: 1m } }]`],
])('alone: %s, what a write has removed is not served', async (_, yaml) => {
  await playWith({ snapshot: 'save: off', yaml });
  expect(rig.lines().join('\n')).toContain(doubt);
  expect((await rig.ask('/parent')).text).toBe('without');
});

test.each([
  ['without the Redis', () => ({ snapshot: 'save: off', yaml: rules })],
  ['without the rule', () => ({ snapshot: keys('save: off'), yaml: '' })],
  [
    'with a log that may lack writes',
    () => ({ snapshot: keys('save: off'), yaml: `${rules}\ncoherence: { onPartition: queue }` }),
  ],
])('over Redis: %s, neither', async (_, between) => {
  redis = await RedisServer.start();
  await playWith(between());
  expect(rig.lines().join('\n')).toContain(`to be revalidated: ${doubt}`);
  expect((await rig.ask('/parent')).text).toBe('without');
});

test('once in doubt, it stays so for later runs of the first kind', async () => {
  await playWith({ snapshot: 'save: off', yaml: '' });
  await rig.stop();
  await rig.startLoaded('load: trust', rules);
  expect((await rig.ask('/parent')).text).toBe('without');
});

test('what is saved after that is trusted again', async () => {
  await playWith({ snapshot: 'save: off', yaml: '' });
  await rig.stop();
  await rig.startLoaded('load: trust, save: stop', rules);
  await rig.ask('/parent');
  await rig.stop();
  await rig.startLoaded('load: trust', rules);
  expect(isHit(await rig.ask('/parent'))).toBe(true);
});

test.each(['', '{', '{"of":"other","id":"x"}'])(
  'without a trace of who has used the folder (%j), nothing is trusted',
  async (text) => {
    await rig.start('save: stop', rules);
    await rig.warm('/parent');
    await rig.stop();
    writeFileSync(join(rig.folder, 'lineage'), text);
    await rig.startLoaded('load: trust', rules);
    expect(rig.lines().join('\n')).toContain(doubt);
  },
);
