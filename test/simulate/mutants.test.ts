import { describe, expect, test } from 'vitest';
import { mutants } from './mutants.ts';
import { simulate } from './schedule.ts';

const BUDGET = Number(process.env.BUDGET ?? 1000);
describe('mutants', () => {
  test.each(mutants.map((m) => [`${m.invariant}: ${m.name}`, m] as const))('%s', async (name, mutant) => {
    let first: string | undefined; let at = 0;
    for (let seed = 1; seed <= BUDGET; seed++) {
      const { violations } = await simulate(seed, mutant);
      const v = violations.find((each) => process.env.ANY ? true : !/left behind|still in doubt|does not serve/.test(each));
      if (v !== undefined) { first = v; at = seed; break; }
    }
    console.log(name, at, first);
    expect(first).toBeDefined();
  }, 120_000);
});
