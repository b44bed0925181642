import { describe, expect, test } from 'vitest';
import type { Switches } from './life.ts';
import { type Mutant, mutants } from './mutants.ts';
import { allSwitches, play } from './play.ts';

/** Lives that are played until one shows what is missing. */
const MOST = 80;

async function firstCaught({ switches, take }: Mutant): Promise<number | undefined> {
  const matching = allSwitches.filter((each) =>
    Object.entries(switches).every(([name, value]) => each[name as keyof Switches] === value),
  );
  const putBack = take();
  try {
    for (let seed = 1; seed <= MOST; seed++) {
      const { violations } = await play(seed, matching[seed % matching.length] as Switches);
      if (violations.some((each) => / is current$/.test(each))) return seed;
    }
    return undefined;
  } finally {
    putBack();
  }
}

describe('a read returns what was removed if', () => {
  test.each(mutants.map((mutant): [string, Mutant] => [mutant.name, mutant]))(
    '%s',
    async (_, mutant) => {
      expect(await firstCaught(mutant)).toBeGreaterThan(0);
    },
    300_000,
  );
});
