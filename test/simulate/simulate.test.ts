import { describe, expect, test } from 'vitest';
import { budget } from '../support/budget.ts';
import { catchMutant } from './catch.ts';
import { mutants } from './mutants.ts';
import { simulate } from './schedule.ts';

/** CI plays 1,000 more, by `npm run test:simulate`; these are the first of them. */
const SCHEDULES = budget({ local: 8, ci: 16 });
/** Within which each mutant must be caught, should the schedule that is known to show it no longer do. */
const BUDGET = 2_000;

test('no read is stale, whatever happens', { timeout: 240_000 }, async () => {
  let hits = 0;
  let shared = 0;
  for (let seed = 1; seed <= SCHEDULES; seed++) {
    const { violations, history } = await simulate(seed);
    hits += history.hits;
    shared += history.shared;
    expect(violations, `replay: npm run test:simulate -- --seed ${seed}`).toEqual([]);
  }
  // Where nothing is served from memory, nothing is proved.
  expect(hits).toBeGreaterThan(10 * SCHEDULES);
  expect(shared).toBeGreaterThan(SCHEDULES);
});

test('a seed is one schedule', async () => {
  const [once, again] = [await simulate(11), await simulate(11)];
  expect(again.trace()).toEqual(once.trace());
});

describe('without a check, some schedule fails', () => {
  test.each(mutants.map((mutant) => [mutant.invariant, mutant.name, mutant] as const))(
    'invariant %i: %s',
    { timeout: 120_000 },
    async (_invariant, _name, mutant) => {
      expect(await catchMutant(mutant, BUDGET)).toBeDefined();
    },
  );
});
