import { describe, expect, test } from 'vitest';
import { budget, isCi } from '../support/budget.ts';
import type { Switches } from './life.ts';
import { allSwitches, play } from './play.ts';

/** How often each combination is played: SNAPSHOT_RUNS=100 for an hour of it. */
const runs = Number(process.env.SNAPSHOT_RUNS ?? budget({ local: 1, ci: 2 }));
const first = Number(process.env.SNAPSHOT_SEED ?? 1);

const nameOf = ({ load, save, staleIfError, redis }: Switches): string =>
  `load ${load}, save ${save}${staleIfError ? ', stale if error' : ''}${redis ? ', over Redis' : ', single'}`;

describe('no read returns what was removed', () => {
  // Locally each load with each save, and in turn with and without the other two.
  const played = allSwitches.filter(
    (_, i) => isCi || process.env.SNAPSHOT_RUNS !== undefined || i % 4 === (i >> 2) % 4,
  );
  const named = played.map((switches): [string, Switches] => [nameOf(switches), switches]);

  test.each(named)(
    '%s',
    async (_, switches) => {
      for (let seed = first; seed < first + runs; seed++) {
        const { violations, trace } = await play(seed, switches);
        expect(violations, `seed ${seed}\n${trace.join('\n')}`).toEqual([]);
      }
    },
    60_000 + runs * 20_000,
  );
});
