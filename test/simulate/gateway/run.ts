import type { Told } from '../told.ts';
import { catchMutant } from './catch.ts';
import type { Features } from './configuration.ts';
import { mutants } from './mutants.ts';
import { playScenario } from './scenario.ts';
import { scenarios } from './scenarios.ts';
import { simulateGateway } from './schedule.ts';

export interface Arguments {
  readonly seeds: string;
  readonly seed?: string | undefined;
  readonly features?: string | undefined;
  readonly scenario?: string | undefined;
  readonly mutants: boolean;
}

/** Plays one seed and prints what was violated; if it is the only one, also each step. */
export async function playSchedule(seed: number, values: Arguments): Promise<Told> {
  const restrict = JSON.parse(values.features ?? '{}') as Partial<Features>;
  const { violations, trace, features, oracle, announced } = await simulateGateway(seed, restrict);
  const failed = violations.length > 0;
  const what = `seed ${seed} ${JSON.stringify(features)}\n  ${violations.slice(0, 3).join('\n  ')}`;
  const lines = [...(values.seed === undefined ? [] : trace()), ...(failed ? [what] : [])];
  const { reads, hits, acknowledged, refused } = oracle;
  const counts = {
    ...{ reads, hits, 'writes acknowledged': acknowledged, 'writes refused': refused },
    'events heard': announced,
  };
  return { counts, failed, ...(lines.length > 0 && { line: lines.join('\n') }) };
}

/** What is not a number of seeds. */
export async function runGateway(values: Arguments): Promise<void> {
  if (values.mutants) await catchMutants(Number(values.seeds));
  else if (values.scenario !== undefined) await playScenarios(values.scenario);
}

/** Scenarios whose name contains these words. A single one is printed step by step. */
async function playScenarios(words: string): Promise<void> {
  const chosen = scenarios.filter(({ name }) => name.includes(words));
  for (const scenario of chosen) {
    const { violations, trace } = await playScenario(scenario);
    if (chosen.length === 1) console.log(trace().join('\n'));
    console.log(`${violations.length === 0 ? 'holds ' : 'FAILS '} ${scenario.name}`);
    for (const violation of violations.slice(0, 2)) console.log(`         ${violation}`);
    if (violations.length > 0) process.exitCode = 1;
  }
}

async function catchMutants(schedules: number): Promise<void> {
  for (const mutant of mutants) {
    const caught = await catchMutant(mutant, schedules);
    console.log(`${mutant.name}: ${caught ?? 'NOT CAUGHT'}`);
    if (caught === undefined) process.exitCode = 1;
  }
}
