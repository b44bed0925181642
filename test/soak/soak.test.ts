import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { buildIfOutdated } from '../support/build.ts';
import { disturbances, failovers } from './disturbances.ts';
import { Soak } from './soak.ts';
import { CHILDREN, PARENTS } from './world.ts';

/*
 * Three gateways in processes of their own, a real Redis, and clients that read and write through all of them while something
 * goes wrong. At its short length; `npm run soak` goes on for as long as it is told to.
 */

let soak: Soak;
beforeAll(async () => {
  buildIfOutdated();
  soak = await Soak.start({ nodes: 3, clients: 16, seed: 7, mode: 'strict' });
}, 120_000);
afterAll(() => soak?.stop());

test.each(Object.keys({ ...disturbances, ...failovers }))('%s: no stale read', { timeout: 60_000 }, async (name) => {
  const { seen } = await soak.play(name);
  expect(seen.stale).toEqual([]);
  expect(seen.reads).toBeGreaterThan(100);
  expect(seen.hits).toBeGreaterThan(20);
  expect(seen.acknowledged).toBeGreaterThan(5);
});

test('after all of it Redis holds no more than twice what is alive', { timeout: 60_000 }, async () => {
  // Of each resource an entry and the versions of its path, its query and its place in the tree; the log, and epochs that are over.
  const alive = 4 * (CHILDREN + PARENTS) + 20;
  const keys = async (): Promise<number> => (await soak.measure()).redisKeys;
  await expect.poll(keys, { timeout: 40_000, interval: 500 }).toBeLessThan(2 * alive);
});

describe('over a Redis Cluster', () => {
  test.each([
    'Redis killed and restarted empty',
    'Redis killed and restarted with older data',
    'the path of a node to Redis cut',
  ])('%s: no stale read', { timeout: 60_000 }, async (name) => {
    const { seen } = await clustered.play(name);
    expect(seen.stale).toEqual([]);
    expect(seen.hits).toBeGreaterThan(20);
    expect(seen.acknowledged).toBeGreaterThan(5);
  });

  let clustered: Soak;
  beforeAll(async () => {
    clustered = await Soak.start({ nodes: 3, clients: 16, seed: 7, mode: 'strict', cluster: true });
  }, 120_000);
  afterAll(() => clustered?.stop());
});

test('the clients do see it where the promise is a lesser one: eventual, and a node that hears late', {
  timeout: 60_000,
}, async () => {
  const eventual = await Soak.start({ nodes: 2, clients: 16, seed: 7, mode: 'eventual' });
  try {
    expect((await eventual.play('the way back slow')).seen.stale.length).toBeGreaterThan(0);
  } finally {
    await eventual.stop();
  }
});
