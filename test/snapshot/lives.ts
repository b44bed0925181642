import { expect, test } from 'vitest';
import { budget, isCi } from '../support/budget.ts';
import type { Counts, Switches } from './life.ts';
import { allSwitches, play } from './play.ts';

/** How often each combination is played: SNAPSHOT_RUNS=100 for an hour of it. */
const runs = Number(process.env.SNAPSHOT_RUNS ?? budget({ local: 1, ci: 2 }));
const first = Number(process.env.SNAPSHOT_SEED ?? 1);

const nameOf = ({ load, save, staleIfError, redis }: Switches): string =>
  `load ${load}, save ${save}${staleIfError ? ', stale if error' : ''}${redis ? ', over Redis' : ', single'}`;

/** Random lives of gateways with snapshots: no read returns what was removed. Both files of them take a minute. */
export function livesOf(wanted: Pick<Switches, 'redis'>): void {
  const met: Partial<Counts> = {};
  const named = allSwitches.map((switches, i): [string, number, Switches] => [nameOf(switches), i, switches]);
  // Locally each load with each save, in turn with and without the other two.
  const isWhole = isCi || process.env.SNAPSHOT_RUNS !== undefined;
  const played = named.filter(([, i, { redis }]) => redis === wanted.redis && (isWhole || i % 4 === (i >> 2) % 4));

  test.each(played)(
    '%s',
    async (_, i, switches) => {
      for (let from = first; from < first + runs * allSwitches.length; from += allSwitches.length) {
        // Each has seeds of its own: what may happen in a life is drawn, too, and one seed draws the same for all.
        const { violations, trace, counts } = await play(from + i, switches);
        for (const [what, count] of Object.entries(counts) as [keyof Counts, number][])
          met[what] = (met[what] ?? 0) + count;
        expect(violations, `SNAPSHOT_SEED=${from}\n${trace.join('\n')}`).toEqual([]);
      }
    },
    60_000 + runs * 20_000,
  );

  test('among hits, confirmed and stale copies, failures, and snapshots that are trusted and that are not', () => {
    const { hits = 0, confirmed = 0, stale = 0, failed = 0, trusted = 0, doubted = 0 } = met;
    expect(Math.min(hits, confirmed, stale, failed, trusted, doubted), JSON.stringify(met)).toBeGreaterThan(0);
  });
}
