import type { Mutant } from './mutants.ts';
import { simulate } from './schedule.ts';

const isCaught = (violation: string): boolean => / answered | announced /.test(violation);

/**
 * The first stale read, or event out of order, within `schedules` of them: what is merely left behind does not count.
 */
export async function catchMutant(mutant: Mutant, schedules: number): Promise<string | undefined> {
  const known = mutant.seed === undefined ? [] : [mutant.seed];
  for (const seed of [...known, ...Array.from({ length: schedules }, (_, i) => i + 1)]) {
    const { violations } = await simulate(seed, mutant, (all) => all.some(isCaught));
    const caught = violations.find(isCaught);
    if (caught !== undefined && seed !== known[0] && known.length > 0) {
      process.emitWarning(
        `"${mutant.name}": seed ${known[0]} no longer shows it, ${seed} does (test/simulate/mutants.ts)`,
      );
    }
    if (caught !== undefined) return `seed ${seed}, ${caught}`;
  }
  return undefined;
}
