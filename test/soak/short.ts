import { afterAll, beforeAll, expect, test } from 'vitest';
import { built } from '../support/shared.ts';
import { disturbances, failovers } from './disturbances.ts';
import { Soak, type SoakOptions } from './soak.ts';
import type { Seen } from './workload.ts';
import { CHILDREN, PARENTS } from './world.ts';

/*
 * Three gateways in processes of their own, a real Redis, and clients that read and write through all of them while
 * something goes wrong. This is the short length, which CI plays; `npm run soak` goes on for as long as given.
 */

const SHORT = { nodes: 3, clients: 16, seed: 7, mode: 'strict' } as const;

const all = Object.keys({ ...disturbances, ...failovers });
const isOfRedis = (name: string): boolean => name.startsWith('Redis ');
/** What happens to Redis itself, and all the rest: each half is a file of its own, so that they run side by side. */
export const ofRedis = all.filter(isOfRedis);
export const ofOthers = all.filter((name) => !isOfRedis(name));

/** Where nothing is served from memory, and nothing written, nothing is proved. */
const isEnough = ({ reads, hits, acknowledged }: Seen): boolean => reads > 100 && hits > 20 && acknowledged > 5;

/** Registers a test for each disturbance, and one for what they have left behind. */
export function testsOf(names: readonly string[]): void {
  const soak = started(SHORT);

  test.each(names)('%s: no stale read, no lost event', { timeout: 60_000 }, async (name) => {
    const { seen } = await soak().play(name, isEnough);
    expect(seen.stale).toEqual([]);
    expect(seen.lost).toEqual([]);
    expect(seen.reads).toBeGreaterThan(100);
    expect(seen.hits).toBeGreaterThan(20);
    expect(seen.acknowledged).toBeGreaterThan(5);
  });

  test('after all of it Redis holds no more than twice what is alive', { timeout: 60_000 }, async () => {
    // Of each resource an entry and the versions of its path, its query and its place in the tree; the log, and epochs
    // that are over.
    const alive = 4 * (CHILDREN + PARENTS) + 20;
    const keys = async (): Promise<number> => (await soak().measure()).redisKeys;
    await expect.poll(keys, { timeout: 40_000, interval: 500 }).toBeLessThan(2 * alive);
  });
}

/** Registers tests over a Redis Cluster in place of one server. */
export function clusterTestsOf(names: readonly string[]): void {
  const soak = started({ ...SHORT, cluster: true });

  test.each(names)('%s: no stale read, no lost event', { timeout: 60_000 }, async (name) => {
    const { seen } = await soak().play(name, isEnough);
    expect(seen.stale).toEqual([]);
    expect(seen.lost).toEqual([]);
    expect(seen.hits).toBeGreaterThan(20);
    expect(seen.acknowledged).toBeGreaterThan(5);
  });
}

/** One for all tests of a file. */
function started(options: SoakOptions): () => Soak {
  let soak: Soak | undefined;
  beforeAll(async () => {
    await built();
    soak = await Soak.start(options);
  }, 120_000);
  afterAll(() => soak?.stop());
  return () => {
    if (soak === undefined) throw new Error('the soak has not started');
    return soak;
  };
}
