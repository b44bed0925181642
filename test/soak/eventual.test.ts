import { beforeAll, expect, test } from 'vitest';
import { built } from '../support/shared.ts';
import { Soak } from './soak.ts';

/** On a machine that is busy with other things the clients may be too slow to see it at once. */
const TIMES = 5;

beforeAll(built, 120_000);

test('the clients do see it where the promise is a lesser one: eventual, and a node that hears late', {
  timeout: 60_000,
}, async () => {
  const eventual = await Soak.start({ nodes: 2, clients: 16, seed: 7, mode: 'eventual' });
  try {
    let stale = 0;
    for (let i = 0; i < TIMES && stale === 0; i++) stale = (await eventual.play('the way back slow')).seen.stale.length;
    expect(stale).toBeGreaterThan(0);
  } finally {
    await eventual.stop();
  }
});
